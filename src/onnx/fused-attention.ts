/** Operators that hold a whole attention: which there are, and where their values lie. */
import { type GraphIndex, integerAttribute } from "./graph-index.js";
import type { OnnxNode } from "./graph-model.js";

/** An operator that holds a whole attention. */
export type FusedStyle = "group-query" | "multi-head" | "attention";

interface FusedOperator {
  readonly style: FusedStyle;
  readonly domain: string;
  /** Which inputs are the past key and value, [B, KV, P, D]. */
  readonly past: readonly [key: number, value: number];
}

const OPERATORS: Readonly<Record<string, FusedOperator>> = {
  GroupQueryAttention: { style: "group-query", domain: "com.microsoft", past: [3, 4] },
  MultiHeadAttention: { style: "multi-head", domain: "com.microsoft", past: [6, 7] },
  // Of ONNX itself, from operator set 23 on. com.microsoft has another one of this name.
  Attention: { style: "attention", domain: "", past: [4, 5] },
};

/** What kind of fused attention a node is; undefined where it is none. */
export function fusedStyle({ opType, domain }: OnnxNode): FusedStyle | undefined {
  const operator = OPERATORS[opType];
  return operator?.domain === domain ? operator.style : undefined;
}

/** Whether a fused attention takes this graph input as the key or value of its past. */
export function readsPast(node: OnnxNode, past: string, index: GraphIndex): boolean {
  if (fusedStyle(node) === undefined) return false;
  return OPERATORS[node.opType]!.past.some((i) => index.origin(node.inputs[i] ?? "") === past);
}

/**
 * Whether a fused attention leaves out the columns, rows of the past among them, that attention_mask has zeros for, and
 * no others. A mask of lengths, or none, does not; a window counts columns, those that are left out too.
 */
export function followsMask(node: OnnxNode, index: GraphIndex): boolean {
  if (windowOf(node) !== undefined) return false;
  const [mask, bias] =
    fusedStyle(node) === "multi-head" ? [node.inputs[4], node.inputs[5]] : ["", node.inputs[3]];
  return (
    index.origin(mask ?? "") === "attention_mask" || index.dependsOn(bias ?? "", "attention_mask")
  );
}

/** The window of a fused attention in tokens; undefined where it has none. */
export function windowOf(node: OnnxNode): number | undefined {
  const style = fusedStyle(node);
  if (style === undefined) return undefined;
  const before = integerAttribute(node, "left_window_size", -1);
  const window =
    style === "attention" ? before + 1 : integerAttribute(node, "local_window_size", 0);
  return window > 0 ? window : undefined;
}

/** Whether a fused attention keeps no more of its cache than its window, and turns round in it. */
export function turnsRound(node: OnnxNode): boolean {
  return fusedStyle(node) !== undefined && integerAttribute(node, "sliding_window_cache", 0) !== 0;
}

/** Axis of the query that its positions lie on: [B, S, W], or [B, H, S, D]. */
export function positionAxis(node: OnnxNode): 1 | 2 {
  const isFlat = node.attributes.some(({ name }) => name === "q_num_heads");
  return fusedStyle(node) === "attention" && !isFlat ? 2 : 1;
}
