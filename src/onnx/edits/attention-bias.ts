import { makeNode, makeTensor } from "../build.js";
import { fusedStyle } from "../fused-attention.js";
import { type GraphIndex, integerAttribute } from "../graph-index.js";
import { changed, DataType, type OnnxNode, type OnnxTensor } from "../graph-model.js";

/** Which input of a fused operator is added to its scores. */
const BIAS = { "group-query": 10, "multi-head": 5, attention: 3 } as const;
const KEEPS_TYPE = new Set(["Identity", "Unsqueeze", "Expand", "Reshape", "Slice", "Transpose"]);
const LOGICAL = new Set([
  ...["And", "Or", "Not", "Xor", "Equal"],
  ...["Less", "LessOrEqual", "Greater", "GreaterOrEqual"],
]);
const LOWEST = "attention_bias/lowest";

/** What the nodes of {@link addBias} may read. */
export const BIAS_CONSTANTS: readonly OnnxTensor[] = [
  makeTensor(LOWEST, [], Float32Array.of(-3.4028234663852886e38)),
];

/**
 * Adds numbers to the scores of a fused attention: where it has a mask, of bools or of numbers, both hold.
 *
 * @param added a value that broadcasts to the scores, (B, H, S, T)
 * @param name of the value that joins it with the mask
 * @returns the node to put in its place, and what that reads
 */
export function addBias(
  index: GraphIndex,
  before: OnnxNode,
  added: string,
  name: string,
): { readonly after: OnnxNode; readonly nodes: readonly OnnxNode[] } {
  const at = BIAS[fusedStyle(before)!];
  const inputs = Array.from(
    { length: Math.max(before.inputs.length, at + 1) },
    (_, i) => before.inputs[i] ?? "",
  );
  const bias = inputs[at]!;
  const replace = (value: string) =>
    changed(before, { inputs: inputs.map((input, i) => (i === at ? value : input)) });
  if (bias === "") return { after: replace(added), nodes: [] };
  const joined = isLogical(bias, index)
    ? makeNode("Where", [bias, added, LOWEST], [name])
    : makeNode("Add", [bias, added], [name]);
  return { after: replace(name), nodes: [joined] };
}

/** Whether a mask is of bools, not of numbers to add. */
function isLogical(mask: string, index: GraphIndex): boolean {
  let node = index.producer(mask);
  while (node !== undefined && KEEPS_TYPE.has(node.opType))
    node = index.producer(node.inputs[0] ?? "");
  if (node?.opType === "Cast") return integerAttribute(node, "to", 0) === DataType.bool;
  return node !== undefined && LOGICAL.has(node.opType);
}
