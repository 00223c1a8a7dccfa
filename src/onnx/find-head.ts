import { UnsupportedCapabilityError } from "../errors.js";
import { LINEAR } from "./find-layers.js";
import { type GraphIndex, integerAttribute } from "./graph-index.js";
import type { OnnxGraph, OnnxNode } from "./graph-model.js";
import type { ResidualState } from "./residual-stream.js";

/** What makes logits of the residual stream behind a decoder's last layer: final norm, language-model head and so on. */
export interface LanguageHead {
  /** All nodes from that stream to the logits, in graph order; the first may be the skip norm that sums the stream. */
  readonly nodes: readonly OnnxNode[];
  /** How they cut out positions before the head reads them, as `num_logits_to_keep` tells them to; undefined: they keep all. */
  readonly cut: PositionCut | undefined;
}

/** One of the nodes of a head that cuts out positions. */
export interface PositionCut {
  readonly node: OnnxNode;
  /** Whether it might as well cut the stream, before the norm: all before it works position by position. */
  readonly isMovable: boolean;
}

const SELECTING = new Set(["Slice", "Gather", "GatherND", "GatherElements", "Compress"]);
const RESHAPING = new Set(["Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose"]);

/**
 * Finds the nodes between the residual stream and `logits`: all that depend on the one and that the other depends on.
 *
 * @param stream behind the last layer
 * @throws UnsupportedCapabilityError naming what was looked for and what was found
 */
export function findHead(index: GraphIndex, stream: ResidualState): LanguageHead {
  const { graph } = index;
  const start = stream.node === undefined ? stream.value : (stream.node.outputs[0] ?? "");
  const nodes = between(graph, new Set([start, stream.value]), "logits");
  if (nodes.length === 0) {
    const found = graph.outputs.map(({ name }) => name).join(", ");
    throw new UnsupportedCapabilityError(
      `looked for output logits computed from ${start}, found outputs ${found}`,
    );
  }
  if (!nodes.some(({ opType }) => LINEAR.has(opType))) {
    throw new UnsupportedCapabilityError(
      `looked for a language-model head (${[...LINEAR].join(", ")}) between ${start} and logits, found ${describe(nodes)}`,
    );
  }
  const branching = nodes.filter(({ attributes }) =>
    attributes.some(({ value }) => value?.kind === "graph"),
  );
  if (branching.length > 0) {
    throw new UnsupportedCapabilityError(
      `looked for no subgraph between ${start} and logits, found ${describe(branching)}`,
    );
  }
  return {
    nodes: stream.node === undefined ? nodes : [stream.node, ...nodes],
    cut: findCut(nodes, index),
  };
}

function findCut(nodes: readonly OnnxNode[], index: GraphIndex): PositionCut | undefined {
  const [node, ...others] = nodes.filter(({ opType }) => SELECTING.has(opType));
  if (node === undefined) return undefined;
  const before = nodes.slice(0, nodes.indexOf(node));
  const made = new Set(nodes.flatMap(({ outputs }) => outputs));
  const isMovable =
    others.length === 0 &&
    isAlongPositions(node, index) &&
    !node.inputs.slice(1).some((input) => made.has(input)) &&
    !before.some(({ opType }) => RESHAPING.has(opType));
  return { node, isMovable };
}

/** Whether a node cuts axis 1 of (B, S, W) and keeps it; the norm may count its axes from the front. */
function isAlongPositions(node: OnnxNode, index: GraphIndex): boolean {
  if (node.opType === "Gather") {
    const isList = index.constantTensor(node.inputs[1] ?? "")?.dims.length === 1;
    return isList && [1, -2].includes(integerAttribute(node, "axis", 0));
  }
  const axes = index.constantIntegers(node.inputs[3] ?? "")?.join();
  return node.opType === "Slice" && (axes === "1" || axes === "-2");
}

/** The nodes that depend on one of some values and that another value depends on, in graph order. */
function between(graph: OnnxGraph, from: ReadonlySet<string>, to: string): OnnxNode[] {
  // Nodes come in topological order: one pass meets what depends on the start, one back what the end depends on.
  const reached = new Set(from);
  const behind = graph.nodes.filter(({ inputs, outputs }) => {
    if (!inputs.some((input) => reached.has(input))) return false;
    for (const output of outputs) reached.add(output);
    return true;
  });
  const needed = new Set([to]);
  const found = behind.toReversed().filter(({ inputs, outputs }) => {
    if (!outputs.some((output) => needed.has(output))) return false;
    for (const input of inputs) needed.add(input);
    return true;
  });
  return found.reverse();
}

/** Operators between the final norm and the language-model head; rows may have been joined to what it reads. */
const BEFORE_HEAD = new Set([
  ...SELECTING,
  ...RESHAPING,
  "Concat",
  "Cast",
  "Identity",
  "DynamicQuantizeLinear",
]);

/** The normed last hidden state of a decoder: what the language-model head reads, before slicing and quantizing. */
export function findNormedStream(index: GraphIndex): string | undefined {
  if (index.output("logits") === undefined) return undefined;
  let value = "logits";
  let behindHead = false;
  for (let step = 0; step < 16; step++) {
    const node = index.producer(value);
    if (node === undefined) return undefined;
    if (behindHead && !BEFORE_HEAD.has(node.opType)) return value;
    behindHead ||= LINEAR.has(node.opType);
    const isConstant = (input: string): boolean =>
      index.constantTensor(index.origin(input)) !== undefined;
    value = node.inputs.find((input) => input !== "" && !isConstant(input)) ?? "";
  }
  return undefined;
}

function describe(nodes: readonly OnnxNode[]): string {
  return nodes.map(({ opType, name, outputs }) => `${opType} "${name || outputs[0]}"`).join(", ");
}
