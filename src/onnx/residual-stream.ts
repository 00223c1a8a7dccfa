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
 * The stream before the first layer and after each, verified: what a layer leaves must reach the next layer's residual.
 *
 * @throws UnsupportedCapabilityError naming the layer whose residual add is not where it was looked for
 */
export function residualStream(
  layers: readonly TransformerLayer[],
  index: GraphIndex,
): ResidualState[] {
  const states: ResidualState[] = layers.map((layer, i) =>
    streamBehind(layer, layers[i + 1], index),
  );
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

/** What leaves a layer: the MLP's sum, and what further blocks of the layer and a scale make of it (Gemma 4). */
function streamBehind(
  layer: TransformerLayer,
  next: TransformerLayer | undefined,
  index: GraphIndex,
): ResidualState {
  const attention =
    next && (parallelAdd(next, index)?.node ?? index.producer(index.origin(next.residual)));
  let state = sumOf(parallelAdd(layer, index)?.node ?? layer.join);
  for (;;) {
    const step = furtherStep(state.value, index);
    if (step === undefined || step === attention) return state;
    state = { value: step.outputs[0] ?? "", node: undefined };
  }
}

/**
 * The residual add of a layer whose attention and MLP read the same norm (Phi): it alone reads the sum of the two, and
 * adds it to the stream that entered the layer. Undefined for layers in which the MLP follows the attention.
 */
function parallelAdd(
  { join, residual: attention }: TransformerLayer,
  index: GraphIndex,
): { readonly node: OnnxNode; readonly stream: string } | undefined {
  const sum = join.outputs[0] ?? "";
  const [node, ...others] = index.consumers(sum);
  if (isSkipNorm(join) || node === undefined || others.length > 0) return undefined;
  if (node.opType !== "Add" && !isSkipNorm(node)) return undefined;
  const stream = index.origin(node.inputs.slice(0, 2).find((input) => input !== sum) ?? "");
  if (index.constantTensor(stream) !== undefined) return undefined;
  return index.dependsOn(attention, stream) ? { node, stream } : undefined;
}

/** The residual add of a block that reads the stream, or a constant scale of all of it; undefined where there is neither. */
function furtherStep(value: string, index: GraphIndex): OnnxNode | undefined {
  const readers = index.consumers(value);
  const other = ({ inputs }: OnnxNode) => inputs.find((input) => input !== value) ?? "";
  const [scale] = readers;
  if (readers.length === 1 && scale?.opType === "Mul") {
    const factor = index.constantTensor(index.origin(other(scale)));
    return factor?.dims.every((dim) => dim === 1) ? scale : undefined;
  }
  return readers.find((node) => node.opType === "Add" && index.dependsOn(other(node), value));
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
  const entered = parallelAdd(layer, index)?.stream;
  if (entered !== undefined && (expected === undefined || entered === index.origin(expected))) {
    return expected ?? entered;
  }
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
      if (index.dependsOn(b, a)) return a;
      if (index.dependsOn(a, b)) return b;
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
