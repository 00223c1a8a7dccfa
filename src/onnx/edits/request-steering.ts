/**
 * Steers a decoder along directions that each stream has for itself: at the output of a layer's MLP, with the stream's
 * direction v of that layer,
 *
 *     x <- |x| normalize(normalize(x) + lambda (1 + max(0, cos(x, -v))) normalize(v))
 *
 * With u = normalize(v) and r = |x| the same is z r / |z| for z = x + lambda (r + max(0, -x u)) u. In this form a strength
 * lambda of zero gives back x exactly.
 *
 * @see VISTA, arXiv 2502.03628, section 4.1, and the authors' layer
 */
import { ShapeError } from "../../errors.js";
import { makeNode, makeTensor, makeValueInfo } from "../build.js";
import { DataType, type OnnxModel } from "../graph-model.js";
import type { EditedRun, EditInput, GraphEdit, LayerRange } from "./graph-edit.js";
import {
  changeMlpOutputs,
  findMlpOutputs,
  lengthConstants,
  rowLength,
  withLength,
} from "./mlp-outputs.js";

const PREFIX = "request_steering";
const DIRECTIONS = `${PREFIX}.directions`;
const STRENGTHS = `${PREFIX}.strengths`;

/**
 * The edit that steers each stream along its own directions: the active edit's `values` are unit vectors (L, W), one for
 * each layer (see `unitDirections`), its strength is lambda.
 *
 * @param only the layers that are steered; all where left out
 * @throws InvalidArgumentError from `apply`, when the graph has fewer layers; ShapeError from `feeds`, for values of
 * another size
 */
export function requestSteeringEdit(only?: LayerRange): GraphEdit {
  const key = `steering by request${only === undefined ? "" : ` in layers ${only.text}`}`;
  const edit: GraphEdit = EDITS.get(key) ?? {
    key,
    graph: "decoder",
    stage: "residual",
    apply: (model) => addRequestSteering(model, only),
    feeds: (run) => ({
      [DIRECTIONS]: directions(run),
      [STRENGTHS]: {
        data: Float32Array.from(run.rows, ({ strength }) => strength),
        dims: [run.rows.length],
      },
    }),
  };
  EDITS.set(key, edit);
  return edit;
}

/** Equal edits are one value, so that requests which switch them on are decoded together. */
const EDITS = new Map<string, GraphEdit>();

/** (B, L, W) */
function directions({ rows, inputShape }: EditedRun): EditInput {
  const [, layers = 0, width = 0] = (inputShape(DIRECTIONS) ?? []).map(Number);
  const data = new Float32Array(rows.length * layers * width);
  rows.forEach(({ values }, b) => {
    if (values?.length !== layers * width) {
      throw new ShapeError(
        `directions of a request: received ${values?.length ?? "no"} numbers; expected ${layers} layers x width ${width}`,
      );
    }
    data.set(values, b * layers * width);
  });
  return { data, dims: [rows.length, layers, width] };
}

function addRequestSteering(model: OnnxModel, only: LayerRange | undefined): OnnxModel {
  const outputs = findMlpOutputs(model);
  const { layers, width, batch = 1 } = outputs;
  const parts = Array.from({ length: layers }, (_, i) => `${PREFIX}/direction_${i}`);
  return changeMlpOutputs(outputs, {
    prefix: PREFIX,
    layers: only?.layers(layers),
    inputs: [
      makeValueInfo(DIRECTIONS, DataType.float32, [batch, layers, width]),
      makeValueInfo(STRENGTHS, DataType.float32, [batch]),
    ],
    nodes: [
      makeNode("Unsqueeze", [STRENGTHS, `${PREFIX}/axes_1_2`], [`${PREFIX}/lambda`]), // (B, 1, 1)
      makeNode("Split", [DIRECTIONS, `${PREFIX}/ones`], parts, { attributes: { axis: 1 } }),
    ],
    constants: [
      makeTensor(`${PREFIX}/axes_1_2`, [2], BigInt64Array.of(1n, 2n)),
      makeTensor(`${PREFIX}/ones`, [layers], new BigInt64Array(layers).fill(1n)),
      ...lengthConstants(PREFIX),
    ],
    of(x, layer, add) {
      const direction = parts[layer]!; // (B, 1, W)
      const norm = rowLength(outputs, PREFIX, add, [x, "norm"]); // r: (B, S, 1)
      const products = add("Mul", [x, direction], "products");
      const along = add("ReduceSum", [products, `${PREFIX}/last_axis`], "along"); // x u: (B, S, 1)
      const against = add("Relu", [add("Neg", [along], "backwards")], "against");
      const weight = add("Add", [norm, against], "weight");
      const scale = add("Mul", [weight, `${PREFIX}/lambda`], "scale");
      const z = add("Add", [x, add("Mul", [scale, direction], "shift")], "shifted");
      return withLength(outputs, PREFIX, add, { z, norm });
    },
  });
}
