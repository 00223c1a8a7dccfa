import type { GraphIndex } from "./graph-index.js";
import type { OnnxNode } from "./graph-model.js";

/** Norms in one operator. */
const NORMS = new Set(["SimplifiedLayerNormalization", "RMSNormalization", "LayerNormalization"]);
/** What makes the inverse root of a mean of squares. */
const TO_ROOT = new Set(["ReduceMean", "Add", "Sqrt", "Pow", "Div", "Reciprocal", "Cast"]);

/** A norm that reads a value, in one operator or in several. */
export interface FoundNorm {
  /** What gives the normed value: the operator, or the last of several. */
  readonly node: OnnxNode;
  /** Whether its weight is inside; several operators leave it to a product that follows. */
  readonly isWhole: boolean;
}

/** The norm that a value runs into and nothing else reads it, or undefined. */
export function normBehind(value: string, index: GraphIndex): FoundNorm | undefined {
  const [one, other, ...more] = index.consumers(value);
  if (one === undefined || more.length > 0) return undefined;
  if (other === undefined) return NORMS.has(one.opType) ? { node: one, isWhole: true } : undefined;
  // x is squared on one side, and multiplied by the inverse root of the squares' mean on the other.
  const isNorm = (square: OnnxNode, end: OnnxNode): boolean =>
    isSquareOf(value, square) && leadsToRoot(square, end, index);
  const end = isNorm(one, other) ? other : isNorm(other, one) ? one : undefined;
  return end && { node: end, isWhole: false };
}

function isSquareOf(value: string, { opType, inputs }: OnnxNode): boolean {
  if (opType === "Pow") return inputs[0] === value;
  return opType === "Mul" && inputs.every((input) => input === value);
}

/** Whether the mean of squares, and its root, run into `end` and nowhere else. */
function leadsToRoot(square: OnnxNode, end: OnnxNode, index: GraphIndex): boolean {
  let node = square;
  let isMean = false;
  for (let step = 0; step < 6; step++) {
    const [reader, ...others] = index.consumers(node.outputs[0] ?? "");
    if (reader === undefined || others.length > 0) return false;
    if (reader === end) return isMean;
    if (!TO_ROOT.has(reader.opType)) return false;
    isMean ||= reader.opType === "ReduceMean";
    node = reader;
  }
  return false;
}
