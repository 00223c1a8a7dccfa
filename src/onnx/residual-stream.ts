/**
 * Follows the residual stream of a transformer graph from layer to layer.
 *
 * States are numbered as hidden states are: 0 is what enters the first layer, i what leaves layer i.
 */
import { UnsupportedCapabilityError } from "../errors.js";
import { isSkipNorm, type TransformerLayer } from "./find-layers.js";
import type { GraphIndex } from "./graph-index.js";
import { changed, type OnnxNode } from "./graph-model.js";

/** A value of the residual stream; `node` is the skip norm that can give it as its fourth output. */
export interface ResidualState {
  readonly value: string;
  readonly node: OnnxNode | undefined;
}

/**
 * The stream before the first layer and after each, verified: each layer's sum must reach the next layer's residual.
 *
 * @throws UnsupportedCapabilityError naming the layer whose residual add is not where it was looked for
 */
export function residualStream(
  layers: readonly TransformerLayer[],
  index: GraphIndex,
): ResidualState[] {
  const states: ResidualState[] = layers.map(({ join }) => sumOf(join));
  const first = layers[0];
  const start = first === undefined ? undefined : streamBefore(first, undefined, index);
  layers.forEach((layer, i) => {
    const before = i === 0 ? undefined : states[i - 1]?.value;
    if (before !== undefined) streamBefore(layer, before, index);
  });
  return [{ value: start ?? "", node: undefined }, ...states];
}

/** The nodes of a graph in which every skip norm gives the sum that one of these states is. */
export function withSums(nodes: readonly OnnxNode[], states: readonly ResidualState[]): OnnxNode[] {
  const sums = new Map(states.map(({ value, node }) => [node, value]));
  return nodes.map((node) => {
    const sum = sums.get(node);
    if (sum === undefined || node.outputs.includes(sum)) return node;
    const outputs = [0, 1, 2].map((i) => node.outputs[i] ?? "");
    return changed(node, { outputs: [...outputs, sum] });
  });
}

function sumOf(join: OnnxNode): ResidualState {
  if (!isSkipNorm(join)) return { value: join.outputs[0] ?? "", node: undefined };
  const given = join.outputs[3];
  return {
    value: given === undefined || given === "" ? `${join.name}/hidden_sum` : given,
    node: join,
  };
}

/**
 * The residual stream that enters a layer: the operand of the attention's residual add that is not the attention.
 *
 * @param expected the stream after the layer before, which must be that operand
 */
function streamBefore(
  layer: TransformerLayer,
  expected: string | undefined,
  index: GraphIndex,
): string {
  const middle = index.producer(index.origin(layer.residual));
  const operands = middle === undefined ? [] : middle.inputs.slice(0, 2);
  if (
    middle !== undefined &&
    (middle.opType === "Add" || isSkipNorm(middle)) &&
    operands.length === 2
  ) {
    const origins = operands.map((operand) => index.origin(operand));
    if (expected !== undefined) {
      if (origins.includes(index.origin(expected))) return expected;
    } else {
      // The stream is read by the norm and by the add; the attention's output by the add alone.
      const [a = "", b = ""] = origins;
      if (reaches(b, a, index)) return a;
      if (reaches(a, b, index)) return b;
    }
  }
  const found =
    middle === undefined
      ? "no node"
      : `${middle.opType} "${middle.name}" of ${operands.join(" and ")}`;
  throw new UnsupportedCapabilityError(
    `looked for the residual add of attention in layer ${layer.layer}${expected === undefined ? "" : ` reading ${expected}`}, found ${found}`,
  );
}

/** Whether `value` is computed from `ancestor`. */
function reaches(value: string, ancestor: string, index: GraphIndex): boolean {
  const seen = new Set<string>();
  const open = [value];
  while (open.length > 0) {
    const next = open.pop() ?? "";
    if (next === ancestor) return true;
    if (next === "" || seen.has(next)) continue;
    seen.add(next);
    open.push(...(index.producer(next)?.inputs ?? []));
  }
  return false;
}
