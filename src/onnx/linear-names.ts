import type { GraphIndex } from "./graph-index.js";
import type { OnnxNode } from "./graph-model.js";
import { asText, readFields } from "./wire.js";

/**
 * The names that may tell which module a linear node comes from: its own, its outputs', its recorded module path, and
 * its weights'.
 */
export function linearNames(node: OnnxNode, index: GraphIndex): string[] {
  const names = [node.name, ...node.outputs, ...moduleScopes(node)];
  for (const input of node.inputs) {
    if (index.constantTensor(input) !== undefined) names.push(input);
    const producer = index.producer(input);
    if (producer?.opType === "Transpose" || producer?.opType === "Cast") {
      names.push(...producer.inputs.filter((source) => index.constantTensor(source) !== undefined));
    }
  }
  return names;
}

/** The module path that PyTorch's newer exporter records in a node's metadata (NodeProto field 9): innermost first. */
function moduleScopes(node: OnnxNode): string[] {
  return node.rest.flatMap((encoded) =>
    readFields(encoded)
      .filter(({ number }) => number === 9)
      .map((entry) => readFields(entry.value))
      .filter(([key]) => key !== undefined && asText(key) === "pkg.torch.onnx.name_scopes")
      // "['', 'model', 'model.layers.0', 'model.layers.0.mlp', 'linear_4']"
      .flatMap(([, value]) => (value === undefined ? [] : asText(value).split(/[[\],' ]+/)))
      .filter((scope) => scope !== "")
      .reverse(),
  );
}
