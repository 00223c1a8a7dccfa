import {
  DataType,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValueInfo,
} from "./graph-model.js";

/** Operators that pass their first input on unchanged but for its type or shape. */
const PASS_THROUGH = new Set(["Identity", "Cast"]);

/**
 * Looks up who makes and who reads each value of a graph.
 *
 * Values inside subgraphs (If, Loop) are not followed: surgery there is refused by its callers.
 */
export class GraphIndex {
  readonly graph: OnnxGraph;
  readonly #producers = new Map<string, OnnxNode>();
  readonly #consumers = new Map<string, OnnxNode[]>();
  readonly #initializers = new Map<string, OnnxTensor>();
  readonly #inputs = new Map<string, OnnxValueInfo>();
  readonly #outputs = new Map<string, OnnxValueInfo>();

  constructor(graph: OnnxGraph) {
    this.graph = graph;
    for (const tensor of graph.initializers) this.#initializers.set(tensor.name, tensor);
    for (const input of graph.inputs) this.#inputs.set(input.name, input);
    for (const output of graph.outputs) this.#outputs.set(output.name, output);
    for (const node of graph.nodes) {
      for (const output of node.outputs) if (output !== "") this.#producers.set(output, node);
      for (const input of new Set(node.inputs)) {
        if (input === "") continue;
        const readers = this.#consumers.get(input);
        if (readers === undefined) this.#consumers.set(input, [node]);
        else readers.push(node);
      }
    }
  }

  /** The node that makes a value, or undefined for inputs, initializers and unknown names. */
  producer(value: string): OnnxNode | undefined {
    return this.#producers.get(value);
  }

  /** The nodes that read a value, in graph order. */
  consumers(value: string): readonly OnnxNode[] {
    return this.#consumers.get(value) ?? [];
  }

  /** The initializer of this name. */
  initializer(name: string): OnnxTensor | undefined {
    return this.#initializers.get(name);
  }

  /** The true graph input of this name; one that also has an initializer does not count, since it is ignored when fed. */
  input(name: string): OnnxValueInfo | undefined {
    return this.#initializers.has(name) ? undefined : this.#inputs.get(name);
  }

  /** The graph output of this name. */
  output(name: string): OnnxValueInfo | undefined {
    return this.#outputs.get(name);
  }

  /** The value an Identity or Cast chain starts from. */
  origin(value: string): string {
    let current = value;
    for (let node = this.producer(current); node !== undefined; node = this.producer(current)) {
      const source = node.inputs[0];
      if (!PASS_THROUGH.has(node.opType) || source === undefined) break;
      current = source;
    }
    return current;
  }

  /** Whether the numbers of a value are computed from those of another; that one's shape does not count. */
  dependsOn(value: string, ancestor: string): boolean {
    const seen = new Set<string>();
    const open = [value];
    while (open.length > 0) {
      const next = open.pop() ?? "";
      if (next === ancestor) return true;
      if (next === "" || seen.has(next)) continue;
      seen.add(next);
      const node = this.producer(next);
      if (node !== undefined && node.opType !== "Shape") open.push(...node.inputs);
    }
    return false;
  }

  /** The integers of a constant value (initializer or Constant node) of type int64 or int32, or undefined. */
  constantIntegers(value: string): number[] | undefined {
    const tensor = this.constantTensor(value);
    if (tensor?.rawData === undefined) return undefined;
    const data = tensor.rawData;
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    if (tensor.dataType === DataType.int64) {
      return Array.from({ length: data.byteLength / 8 }, (_, i) =>
        Number(view.getBigInt64(i * 8, true)),
      );
    }
    if (tensor.dataType === DataType.int32) {
      return Array.from({ length: data.byteLength / 4 }, (_, i) => view.getInt32(i * 4, true));
    }
    return undefined;
  }

  /** The tensor of a constant value, be it an initializer or the output of a Constant node. */
  constantTensor(value: string): OnnxTensor | undefined {
    const stored = this.#initializers.get(value);
    if (stored !== undefined) return stored;
    const node = this.producer(value);
    if (node?.opType !== "Constant") return undefined;
    const attribute = node.attributes.find(({ name }) => name === "value")?.value;
    return attribute?.kind === "tensor" ? attribute.tensor : undefined;
  }
}

/** The integer attribute of a node, or the operator's default. */
export function integerAttribute(node: OnnxNode, name: string, fallback: number): number {
  const value = node.attributes.find((attribute) => attribute.name === name)?.value;
  return value?.kind === "int" ? value.int : fallback;
}
