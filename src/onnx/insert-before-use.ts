import type { OnnxNode } from "./graph-model.js";

/**
 * Puts added nodes where their inputs exist: a graph must list its nodes in an order of use.
 *
 * @param rewired what some of the nodes are replaced by
 */
export function insertBeforeUse(
  nodes: readonly OnnxNode[],
  rewired: ReadonlyMap<OnnxNode, OnnxNode>,
  added: readonly OnnxNode[],
): OnnxNode[] {
  const known = new Set(added.flatMap(({ outputs }) => outputs));
  const byOutput = new Map(added.map((node) => [node.outputs[0] ?? "", node]));
  const ordered: OnnxNode[] = [];
  const done = new Set<OnnxNode>();
  const place = (node: OnnxNode): void => {
    if (done.has(node)) return;
    done.add(node);
    for (const input of node.inputs) {
      if (!known.has(input)) continue;
      const source = byOutput.get(input) ?? added.find(({ outputs }) => outputs.includes(input));
      if (source !== undefined) place(source);
    }
    ordered.push(node);
  };
  for (const node of nodes) place(rewired.get(node) ?? node);
  return ordered;
}
