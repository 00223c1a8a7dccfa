import { GraphIndex, integerAttribute } from "./graph-index.js";
import type { OnnxModel, OnnxNode } from "./graph-model.js";

/** What of a decoder's graph bears on settings of its configuration. */
export interface DecoderTraits {
  /** Windows of its attention operators (`local_window_size`), in tokens, each once; empty where none has one. */
  readonly windows: readonly number[];
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
  const windows = graph.nodes
    .filter(({ opType }) => opType === "GroupQueryAttention")
    .map((node) => integerAttribute(node, "local_window_size", -1))
    .filter((window) => window > 0);
  const softmaxes = graph.nodes.filter(({ opType }) => opType === "Softmax");
  return {
    windows: [...new Set(windows)],
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
