/**
 * Projects directions out of what a decoder's MLPs add to the residual stream: at the output of a layer's MLP, with the
 * orthonormal rows of V_k (k, W) and strength s,
 *
 *     x <- x - s V_k^T V_k x
 *
 * Strength 1 is the projection onto their null space. Where an MLP has no bias and no norm behind it, that is the
 * projection of its last weight.
 *
 * @see Nullu, arXiv 2412.13817, section 3.3
 */
import { ShapeError } from "../../errors.js";
import { makeNode, makeTensor, makeValueInfo } from "../build.js";
import { DataType, type OnnxModel } from "../graph-model.js";
import type { EditInput, GraphEdit, LayerRange } from "./graph-edit.js";
import { changeMlpOutputs, findMlpOutputs } from "./mlp-outputs.js";

const PREFIX = "null_space";
const VECTORS = `${PREFIX}.vectors`;
const STRENGTHS = `${PREFIX}.strengths`;

/** Orthonormal vectors for each layer of a decoder. */
export interface NullSpaceVectors {
  readonly layers: number;
  /** k: vectors of a layer. */
  readonly rank: number;
  readonly width: number;
  /** (layers, k, width); not touched */
  readonly data: Float32Array;
}

/**
 * The edit that projects vectors out of what layers add, each row by its own strength; 0 leaves a row as it is.
 *
 * @param only the layers that are changed
 * @throws ShapeError from `apply`, when the graph has other sizes; InvalidArgumentError when it has fewer layers
 */
export function nullSpaceEdit(vectors: NullSpaceVectors, only: LayerRange): GraphEdit {
  const { layers, rank, width, data } = vectors;
  const fed: EditInput = { data, dims: [layers, rank, width] };
  return {
    key: `null space of ${layers}x${rank}x${width} in layers ${only.text}`,
    graph: "decoder",
    stage: "residual",
    apply: (model) => addNullSpace(model, vectors, only),
    feeds: ({ rows }) => ({
      [VECTORS]: fed,
      [STRENGTHS]: {
        data: Float32Array.from(rows, ({ strength }) => strength),
        dims: [rows.length],
      },
    }),
  };
}

function addNullSpace(
  model: OnnxModel,
  { layers, rank, width }: NullSpaceVectors,
  only: LayerRange,
): OnnxModel {
  const outputs = findMlpOutputs(model);
  if (outputs.layers !== layers || outputs.width !== width) {
    throw new ShapeError(
      `null space: received vectors of ${layers} layers of width ${width}; expected ${outputs.layers} of width ${outputs.width}, as the model has`,
    );
  }
  const parts = Array.from({ length: layers }, (_, i) => `${PREFIX}/vectors_${i}`);
  return changeMlpOutputs(outputs, {
    prefix: PREFIX,
    layers: only.layers(layers),
    inputs: [
      makeValueInfo(VECTORS, DataType.float32, [layers, rank, width]),
      makeValueInfo(STRENGTHS, DataType.float32, [outputs.batch ?? 1]),
    ],
    nodes: [
      makeNode("Unsqueeze", [STRENGTHS, `${PREFIX}/axes_1_2`], [`${PREFIX}/strength`]), // (B, 1, 1)
      makeNode("Split", [VECTORS, `${PREFIX}/ones`], parts, { attributes: { axis: 0 } }),
    ],
    constants: [
      makeTensor(`${PREFIX}/axes_1_2`, [2], BigInt64Array.of(1n, 2n)),
      makeTensor(`${PREFIX}/ones`, [layers], new BigInt64Array(layers).fill(1n)),
    ],
    of(x, layer, add) {
      const rows = parts[layer]!; // (1, k, W)
      const columns = add("Transpose", [rows], "columns", { perm: [0, 2, 1] });
      const along = add("MatMul", [x, columns], "along"); // (B, S, k)
      const part = add("MatMul", [along, rows], "part"); // (B, S, W)
      return add("Sub", [x, add("Mul", [part, `${PREFIX}/strength`], "scaled")], "left");
    },
  });
}
