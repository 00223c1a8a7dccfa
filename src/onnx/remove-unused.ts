import { changed, type OnnxGraph, type OnnxNode, type OnnxTensor } from "./graph-model.js";

/**
 * Drops the nodes and initializers that no output of a graph depends on. The runtime would run such nodes all the same.
 *
 * @param graph without subgraphs, which could read values by name; not touched
 */
export function removeUnused(graph: OnnxGraph): OnnxGraph {
  const needed = new Set(graph.outputs.map(({ name }) => name));
  // Nodes come in topological order, so one pass from the end meets every reader before what it reads.
  const nodes = graph.nodes.toReversed().filter(({ inputs, outputs }) => {
    if (!outputs.some((output) => needed.has(output))) return false;
    for (const input of inputs) needed.add(input);
    return true;
  });
  return changed(graph, {
    nodes: nodes.reverse(),
    initializers: graph.initializers.filter(({ name }) => needed.has(name)),
  });
}

/** Those tensors that some node reads. The runtime warns of all others. */
export function readBy(nodes: readonly OnnxNode[], tensors: readonly OnnxTensor[]): OnnxTensor[] {
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  return tensors.filter(({ name }) => read.has(name));
}
