/** Copies of what makes a decoder's logits, final norm and head among it, that read the residual stream behind other layers. */
import { ShapeError } from "../errors.js";
import { makeNode } from "./build.js";
import { findHead, type LanguageHead } from "./find-head.js";
import { findLayers } from "./find-layers.js";
import type { GraphIndex } from "./graph-index.js";
import { changed, type OnnxNode } from "./graph-model.js";
import { type ResidualState, residualStream } from "./residual-stream.js";

/** A decoder's residual stream, and what makes its logits of it. */
export interface HeadOfStream {
  readonly head: LanguageHead;
  /** The stream before the first layer, then behind each. */
  readonly states: readonly ResidualState[];
}

/** @throws UnsupportedCapabilityError when layers, residual stream or head cannot be found */
export function findHeadOfStream(index: GraphIndex): HeadOfStream {
  const states = residualStream(findLayers(index.graph, index), index);
  return { head: findHead(index, states.at(-1)!), states };
}

/** @throws ShapeError naming what asks for a layer that the graph does not have */
export function stateBehind(
  layer: number,
  states: readonly ResidualState[],
  asking: string,
): ResidualState {
  const state = states[layer];
  if (state !== undefined) return state;
  throw new ShapeError(
    `${asking}: received layer ${layer}; expected 0 to ${states.length - 1}, as the model has`,
  );
}

/** Copied nodes, in graph order. */
export interface CopiedHead {
  readonly nodes: readonly OnnxNode[];
  /** The value that holds the copy's logits. */
  readonly logits: string;
}

/**
 * Copies the nodes of a head, which go on to read the same weights.
 *
 * @param within begins the names of the copies
 * @param stream the value that takes the place of the stream behind the last layer
 * @param made one of the head's nodes that is left out, as the stream is already what it would make of it
 * @param normed the stream behind the final norm, where the norm is left out too
 */
export function copyHead(
  { head, states }: HeadOfStream,
  within: string,
  stream: string,
  made: OnnxNode | undefined,
  normed?: string,
): CopiedHead {
  const inside = new Map(
    head.nodes.flatMap(({ outputs }) => outputs.map((name) => [name, `${within}/${name}`])),
  );
  inside.delete("");
  const last = states.at(-1)!;
  inside.set(normed ?? last.value, stream);
  const renamed = (name: string): string => inside.get(name) ?? name;
  if (made !== undefined) inside.set(made.outputs[0] ?? "", renamed(made.inputs[0] ?? ""));
  const nodes = behind(normed, head.nodes)
    .filter((node) => node !== made)
    .map((node) =>
      node === last.node
        ? normAlone(node, stream, renamed)
        : changed(node, {
            name: nameWithin(within, node),
            inputs: node.inputs.map(renamed),
            outputs: node.outputs.map(renamed),
          }),
    );
  return { nodes, logits: renamed("logits") };
}

/** Those of a head's nodes that depend on a value; all without one. */
function behind(value: string | undefined, nodes: readonly OnnxNode[]): readonly OnnxNode[] {
  if (value === undefined) return nodes;
  const reached = new Set([value]);
  return nodes.filter(({ inputs, outputs }) => {
    if (!inputs.some((input) => reached.has(input))) return false;
    for (const output of outputs) reached.add(output);
    return true;
  });
}

/** Nodes may go without a name, but no two may have the same. */
export function nameWithin(within: string, { name }: OnnxNode): string {
  return name === "" ? "" : `${within}/${name}`;
}

/** The norm of a fused residual add and norm, of a stream that is a sum already. */
function normAlone(node: OnnxNode, stream: string, renamed: (name: string) => string): OnnxNode {
  const isRms = node.opType === "SkipSimplifiedLayerNormalization";
  const opType = isRms ? "SimplifiedLayerNormalization" : "LayerNormalization";
  const weights = node.inputs.slice(2, isRms ? 3 : 4).filter((name) => name !== "");
  const epsilon = node.attributes.find(({ name }) => name === "epsilon")?.value;
  const float = epsilon?.kind === "float" ? epsilon.float : 1e-12;
  const normed = renamed(node.outputs[0] ?? "");
  return makeNode(opType, [stream, ...weights], [normed], {
    attributes: { axis: -1, epsilon: { float }, stash_type: 1 },
  });
}
