import { changed, type OnnxGraph, type OnnxNode, type OnnxTensor } from "./graph-model.js";

/**
 * Drops the nodes and initializers that no output of a graph depends on. The runtime would run such nodes all the same.
 *
 * @param graph nodes in any order (converters to float16 append casts of inputs), without subgraphs, which could read
 * values by name; not touched
 */
export function removeUnused(graph: OnnxGraph): OnnxGraph {
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node])));
  const needed = new Set(graph.outputs.map(({ name }) => name));
  // A set is walked to its end, with what is added on the way.
  for (const name of needed) {
    for (const input of makers.get(name)?.inputs ?? []) if (input !== "") needed.add(input);
  }
  return changed(graph, {
    nodes: graph.nodes.filter(({ outputs }) => outputs.some((output) => needed.has(output))),
    initializers: graph.initializers.filter(({ name }) => needed.has(name)),
  });
}

/** Those tensors that some node reads. The runtime warns of all others. */
export function readBy(nodes: readonly OnnxNode[], tensors: readonly OnnxTensor[]): OnnxTensor[] {
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  return tensors.filter(({ name }) => read.has(name));
}
