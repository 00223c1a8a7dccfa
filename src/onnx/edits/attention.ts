/**
 * Adds read-outs of attention to a decoder: how much the token that is being predicted looks at each earlier one.
 *
 * Layers are numbered from 0, as in PyTorch's `output_attentions` and in the names of the cache. For layer N and the last
 * position of each row there are, all in float32:
 *
 *     attention.N         (B, H, T)   softmax of the scores; masked columns are 0
 *     attention.N.images  (B, H)      the sum of these over the columns of image tokens
 *
 * Weights are those that the graph computes with: of single operators the softmax's output, of fused operators their
 * fourth output, which ONNX Runtime has for the CPU only.
 */
import { InvalidArgumentError, ShapeError, UnsupportedCapabilityError } from "../../errors.js";
import { attentionLayers, findAttentionWeights } from "../attention-weights.js";
import { declareInternal, makeNode, makeTensor, makeValueInfo } from "../build.js";
import { GraphIndex } from "../graph-index.js";
import { changed, DataType, type OnnxModel, type OnnxNode } from "../graph-model.js";
import { readBy } from "../remove-unused.js";
import {
  type EditedRow,
  type EditedRun,
  type EditInput,
  type GraphEdit,
  imageColumns,
} from "./graph-edit.js";

const PREFIX = "attention";
const IMAGES = `${PREFIX}.images`;

/** The output of a layer's weights: one row of all tokens of the context for each head, head by head. */
export function attentionOutput(layer: number): string {
  return `${PREFIX}.${layer}`;
}

/** The output of a layer's attention to image tokens: its sum, one number for each head. */
export function imageAttentionOutput(layer: number): string {
  return `${PREFIX}.${layer}.images`;
}

/** What of a layer's attention is read. */
export interface AttentionOptions {
  /** "images": its sum over image tokens. "tokens", the default: that, and the weight of each token of the context. */
  readonly of?: "tokens" | "images";
}

/**
 * Adds the outputs of the asked layers; those that are there already stay. The given model is not touched.
 *
 * @throws ShapeError when the decoder has no such layer, or that layer no keys of its own
 * @throws UnsupportedCapabilityError when a layer's attention cannot be found
 */
export function addAttentions(
  model: OnnxModel,
  layers: readonly number[],
  { of = "tokens" }: AttentionOptions = {},
): OnnxModel {
  const { graph } = model;
  const opset = model.opsets.find(({ domain }) => domain === "" || domain === "ai.onnx");
  if (opset === undefined || opset.version < 13) {
    throw new UnsupportedCapabilityError(
      `attention is read from operator set 13 on, found ${opset?.version ?? "none"}: export the model again`,
    );
  }
  const index = new GraphIndex(graph);
  const known = attentionLayers(index);
  const replaced = new Map<OnnxNode, OnnxNode>();
  const declared: Uint8Array[] = [];
  const nodes: OnnxNode[] = [];
  for (const layer of layers) {
    if (!known.includes(layer)) {
      throw new ShapeError(
        `attention: received layer ${layer}; expected one of ${known.join(", ")}, as the model has`,
      );
    }
    const { value, isBeforeSoftmax, fused } = findAttentionWeights(index, layer);
    if (fused !== undefined) {
      replaced.set(fused.node, fused.giving);
      // The runtime does not infer the type of this output for every operator.
      declared.push(declareInternal(makeValueInfo(value, fused.elemType, undefined)));
    }
    nodes.push(...readOut(layer, value, isBeforeSoftmax));
  }
  const [batch = null, columns = null] = index.input("attention_mask")?.dims ?? [];
  const inputs = [makeValueInfo(IMAGES, DataType.float32, [batch, 1, columns])];
  const outputs = layers.flatMap((layer) => [
    ...(of === "tokens"
      ? [makeValueInfo(attentionOutput(layer), DataType.float32, [batch, null, columns])]
      : []),
    makeValueInfo(imageAttentionOutput(layer), DataType.float32, [batch, null]),
  ]);
  const added = nodes.filter(({ outputs: [made] }) => index.producer(made ?? "") === undefined);
  const constants = readBy(added, CONSTANTS).filter(
    ({ name }) => index.initializer(name) === undefined,
  );
  return changed(model, {
    graph: changed(graph, {
      nodes: [...graph.nodes.map((node) => replaced.get(node) ?? node), ...added],
      initializers: [...graph.initializers, ...constants],
      rest: [...graph.rest, ...declared],
      inputs: [...graph.inputs, ...inputs.filter(({ name }) => index.input(name) === undefined)],
      outputs: [
        ...graph.outputs,
        ...outputs.filter(({ name }) => index.output(name) === undefined),
      ],
    }),
  });
}

/** The last position's weights of one layer, and their sum over image tokens. */
function readOut(layer: number, weights: string, isBeforeSoftmax: boolean): OnnxNode[] {
  const at = attentionOutput(layer);
  const row = `${at}/row`; // (B, H, 1, T)
  const softened = isBeforeSoftmax ? `${at}/softmax` : row;
  return [
    makeNode("Slice", [weights, `${PREFIX}/last`, `${PREFIX}/end`, `${PREFIX}/axis`], [row]),
    ...(isBeforeSoftmax
      ? [makeNode("Softmax", [row], [softened], { attributes: { axis: -1 } })]
      : []),
    makeNode("Cast", [softened], [`${at}/float`], { attributes: { to: DataType.float32 } }),
    makeNode("Squeeze", [`${at}/float`, `${PREFIX}/axis`], [at]), // (B, H, T)
    makeNode("Mul", [at, IMAGES], [`${at}/on_images`]),
    makeNode("ReduceSum", [`${at}/on_images`, `${PREFIX}/axis`], [imageAttentionOutput(layer)], {
      attributes: { keepdims: 0 },
    }),
  ];
}

const CONSTANTS = [
  makeTensor(`${PREFIX}/last`, [1], BigInt64Array.of(-1n)),
  makeTensor(`${PREFIX}/end`, [1], BigInt64Array.of(2n ** 62n)),
  makeTensor(`${PREFIX}/axis`, [1], BigInt64Array.of(2n)),
];

/**
 * The edit that reads the attention of the token that is being predicted, in some layers: outputs `attention.N`
 * ({@link attentionOutput}) and `attention.N.images` ({@link imageAttentionOutput}). A method gets, for its own context,
 * heads x tokens and heads numbers. They do not depend on a strength. Several such edits go together.
 *
 * @param layers 0 to L - 1, in any order; of decoders that mix attention with other layers, those with attention
 * @throws InvalidArgumentError when a layer is no whole number from 0 on
 * @throws ShapeError from `apply`, when the decoder has no such layer
 * @throws UnsupportedCapabilityError from `apply`, when a layer's attention cannot be found
 */
export function attentionEdit(
  layers: readonly number[],
  { of = "tokens" }: AttentionOptions = {},
): GraphEdit {
  const wrong = layers.find((layer) => !Number.isInteger(layer) || layer < 0);
  if (wrong !== undefined || layers.length === 0) {
    throw new InvalidArgumentError(
      `attention: received ${wrong ?? "no layer"}; expected layers, whole numbers from 0 on`,
    );
  }
  const asked = [...new Set(layers)].sort((a, b) => a - b);
  const key = `attention to ${of} in layers ${asked.join(", ")}`;
  const tokens = of === "tokens" ? asked.map(attentionOutput) : [];
  const edit: GraphEdit = EDITS.get(key) ?? {
    key,
    graph: "decoder",
    stage: "attention",
    apply: (model) => addAttentions(model, asked, { of }),
    feeds: (run) => ({ [IMAGES]: imageMask(run) }),
    outputs: [...tokens, ...asked.map(imageAttentionOutput)],
    reading: (output, numbers, row, columns) =>
      tokens.includes(output) ? ofOwnTokens(numbers, row, columns) : numbers,
  };
  EDITS.set(key, edit);
  return edit;
}

/** Equal edits are one value, so that requests which switch them on are decoded together. */
const EDITS = new Map<string, GraphEdit>();

/** (B, 1, T): 1 at the columns of image tokens. */
function imageMask({ rows, columns }: EditedRun): EditInput {
  const data = new Float32Array(rows.length * columns);
  rows.forEach((row, b) => {
    for (const column of imageColumns(row)) data[b * columns + column] = 1;
  });
  return { data, dims: [rows.length, 1, columns] };
}

/** Of each head's columns those that hold tokens of the row, in the order of the tokens. */
function ofOwnTokens(weights: Float32Array, row: EditedRow, columns: number): Float32Array {
  const { pastLength, newLength, newColumn } = row;
  const heads = weights.length / columns;
  const length = pastLength + newLength;
  const own = new Float32Array(heads * length);
  for (let head = 0; head < heads; head++) {
    const from = head * columns;
    own.set(weights.subarray(from, from + pastLength), head * length);
    const fresh = weights.subarray(from + newColumn, from + newColumn + newLength);
    own.set(fresh, head * length + pastLength);
  }
  return own;
}
