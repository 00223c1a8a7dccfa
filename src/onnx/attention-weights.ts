/** Finds the weights of a layer's attention, behind the softmax, however the attention is written. */
import { GroundsightError, UnsupportedCapabilityError } from "../errors.js";
import { declareInternal, makeAttribute, makeValueInfo } from "./build.js";
import { findAttentionCore } from "./find-attention.js";
import { type FusedStyle, fusedStyle, readsPast } from "./fused-attention.js";
import { type GraphIndex, integerAttribute } from "./graph-index.js";
import { changed, type OnnxNode, type OnnxValueInfo } from "./graph-model.js";

/** Where the weights (B, H, S, T) of a layer's attention are. */
export interface AttentionWeights {
  readonly value: string;
  /** Whether the value holds scores, masked ones among them, that the softmax is still to be taken of. */
  readonly isBeforeSoftmax: boolean;
  /** A fused node, the one to put in its place so that it gives this value, and the value's element type. */
  readonly fused:
    | { readonly node: OnnxNode; readonly giving: OnnxNode; readonly elemType: number }
    | undefined;
}

/** By which attribute a fused operator's fourth output becomes weights; MultiHeadAttention's are scores always. */
const WEIGHTS_ATTRIBUTE: Readonly<
  Record<FusedStyle, readonly [name: string, value: number] | undefined>
> = {
  "group-query": ["qk_output", 2],
  attention: ["qk_matmul_output_mode", 3],
  "multi-head": undefined,
};
/** By which it becomes scores: of GroupQueryAttention those that its softmax takes, of Attention the products. */
const SCORES_ATTRIBUTE: typeof WEIGHTS_ATTRIBUTE = {
  "group-query": ["qk_output", 1],
  attention: ["qk_matmul_output_mode", 0],
  "multi-head": undefined,
};
const FOURTH = 3;

/** Operators between joined keys and the fused attention that reads them: those that repeat heads and turn axes. */
const ON_THE_WAY = new Set([
  "Unsqueeze",
  "Expand",
  "Reshape",
  "Transpose",
  "Tile",
  "Identity",
  "Cast",
]);

/** The layers of a decoder that have keys and values of their own, and so attention to read, in order. */
export function attentionLayers({ graph }: GraphIndex): number[] {
  const layers = graph.inputs.flatMap(({ name }) => {
    const layer = /^past_key_values\.(\d+)\.key$/.exec(name)?.[1];
    return layer === undefined ? [] : [Number(layer)];
  });
  return layers.sort((a, b) => a - b);
}

/**
 * Finds the weights of one layer.
 *
 * @throws UnsupportedCapabilityError naming what was looked for and what was found
 */
export function findAttentionWeights(index: GraphIndex, layer: number): AttentionWeights {
  const past = `past_key_values.${layer}.key`;
  const node = fusedReaderOf(past, index);
  if (node !== undefined) return weightsOfFused(node, index.input(past)!.elemType);
  try {
    const { weights } = findAttentionCore(index, layer);
    return { value: weights, isBeforeSoftmax: false, fused: undefined };
  } catch (cause) {
    if (!GroundsightError.isInstance(cause)) throw cause;
    throw new UnsupportedCapabilityError(
      `attention of layer ${layer}: looked for GroupQueryAttention, MultiHeadAttention or Attention of ${past}, or its softmax in single operators: ${cause.message}`,
      { cause },
    );
  }
}

/** The fused attention that takes a past, or what a Concat joins it to, and whose mixed values the model goes on with. */
export function fusedReaderOf(past: string, index: GraphIndex): OnnxNode | undefined {
  const mixes = ({ outputs: [mixed = ""] }: OnnxNode) =>
    index.consumers(mixed).length > 0 || index.output(mixed) !== undefined;
  const direct = index.graph.nodes.find((node) => readsPast(node, past, index) && mixes(node));
  if (direct !== undefined) return direct;
  const open = index.consumers(past).filter(({ opType }) => opType === "Concat");
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (fusedStyle(node) !== undefined) {
      if (mixes(node)) return node;
      continue;
    }
    const isOnTheWay = ON_THE_WAY.has(node.opType) || node.inputs.includes(past);
    if (isOnTheWay) open.push(...index.consumers(node.outputs[0] ?? ""));
  }
  return undefined;
}

function weightsOfFused(node: OnnxNode, elemType: number): AttentionWeights {
  const style = fusedStyle(node)!;
  const attribute = WEIGHTS_ATTRIBUTE[style];
  const isBeforeSoftmax = attribute === undefined;
  const given = node.outputs[FOURTH] ?? "";
  const isSet = attribute === undefined || integerAttribute(node, attribute[0], 0) === attribute[1];
  if (given !== "" && isSet) return { value: given, isBeforeSoftmax, fused: undefined };
  if (given !== "") {
    throw new UnsupportedCapabilityError(
      `looked for a ${node.opType} whose fourth output is free, found that "${node.name}" gives ${given} there`,
    );
  }
  const value = `${node.name}/weights`;
  const outputs = [0, 1, 2].map((i) => node.outputs[i] ?? "");
  const others = node.attributes.filter(({ name }) => name !== attribute?.[0]);
  const giving = changed(node, {
    outputs: [...outputs, value],
    attributes: attribute === undefined ? others : [...others, makeAttribute(...attribute)],
  });
  return { value, isBeforeSoftmax, fused: { node, giving, elemType } };
}

/**
 * A second node of a fused attention, beside it, for its scores alone, (B, H, S, T), before its softmax. Columns behind its
 * masks hold anything.
 *
 * @param past the input that holds its keys
 * @returns the node, its scores, and what the graph must declare of its outputs: the runtime infers no type of the fourth,
 * and gives what is joined the length of the past, for which it then takes buffers that are too small
 */
export function scoresOfFused(
  node: OnnxNode,
  past: OnnxValueInfo,
): { readonly value: string; readonly node: OnnxNode; readonly declared: readonly Uint8Array[] } {
  const attribute = SCORES_ATTRIBUTE[fusedStyle(node)!];
  const name = `${node.name}/scored`;
  const outputs = ["mixed", "key", "value", "scores"].map((output) => `${name}/${output}`);
  const modes = Object.values(WEIGHTS_ATTRIBUTE).flatMap((weights) => weights?.[0] ?? []);
  const others = node.attributes.filter((one) => !modes.includes(one.name));
  const attributes = attribute === undefined ? others : [...others, makeAttribute(...attribute)];
  const [batch = null, heads = null, , size = null] = past.dims ?? [];
  const declare = (i: number, dims: readonly (number | string | null)[] | undefined) =>
    declareInternal(makeValueInfo(outputs[i]!, past.elemType, dims));
  const joined = [batch, heads, `${name}/length`, size];
  return {
    value: outputs[FOURTH]!,
    node: changed(node, { name, outputs, attributes }),
    declared: [declare(1, joined), declare(2, joined), declare(FOURTH, undefined)],
  };
}

/** A fused attention that gives its weights or scores: on the CPU alone there are kernels for that. */
export function givesFusedWeights(nodes: readonly OnnxNode[]): OnnxNode | undefined {
  return nodes.find(
    (node) => fusedStyle(node) !== undefined && (node.outputs[FOURTH] ?? "") !== "",
  );
}
