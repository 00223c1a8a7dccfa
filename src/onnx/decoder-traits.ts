import { fusedStyle, windowOf } from "./fused-attention.js";
import { GraphIndex } from "./graph-index.js";
import type { OnnxModel, OnnxNode } from "./graph-model.js";

/** What of a decoder's graph bears on settings of its configuration. */
export interface DecoderTraits {
  /**
   * Window of each of its attention operators in turn (`local_window_size`, `left_window_size`), in tokens; null for one that
   * has none. Empty where attention is in operators that could have none.
   */
  readonly windows: readonly (number | null)[];
  /** Whether logits run through tanh: capped. */
  readonly capsLogits: boolean;
  /** Whether attention's scores run through tanh, or an operator caps them itself (`softcap`). */
  readonly capsAttention: boolean;
}

/** Nodes between tanh and what is capped by it: scales, casts, masks, and what picks positions. */
const BETWEEN = new Set([
  "Mul",
  "Div",
  "Add",
  "Cast",
  "Identity",
  "Reshape",
  "Slice",
  "Gather",
  "Where",
]);

/** Reads the traits of a decoder. */
export function decoderTraits({ graph }: OnnxModel): DecoderTraits {
  const index = new GraphIndex(graph);
  const attention = graph.nodes.filter((node) => fusedStyle(node) !== undefined);
  const softmaxes = graph.nodes.filter(({ opType }) => opType === "Softmax");
  return {
    windows: attention.map((node) => windowOf(node) ?? null),
    capsLogits: isBehindTanh(index.producer("logits"), index),
    capsAttention:
      graph.nodes.some(hasSoftcap) ||
      softmaxes.some(({ inputs }) => isBehindTanh(index.producer(inputs[0] ?? ""), index)),
  };
}

function hasSoftcap({ attributes }: OnnxNode): boolean {
  return attributes.some(
    ({ name, value }) => name === "softcap" && value?.kind === "float" && value.float > 0,
  );
}

/** Whether a value comes from tanh, through nodes that only scale, mask and pick. */
function isBehindTanh(node: OnnxNode | undefined, index: GraphIndex, steps = 6): boolean {
  if (node?.opType === "Tanh") return true;
  if (node === undefined || steps === 0 || !BETWEEN.has(node.opType)) return false;
  return node.inputs.some((input) => isBehindTanh(index.producer(input), index, steps - 1));
}
