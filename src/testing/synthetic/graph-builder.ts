import {
  type AttributeInput,
  makeModel,
  makeNode,
  makeTensor,
  makeValueInfo,
  type NumericArray,
} from "../../onnx/build.js";
import type { OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo } from "../../onnx/graph-model.js";

/** Collects nodes, constants, inputs and outputs of a graph that is written node by node. */
export class GraphBuilder {
  readonly #nodes: OnnxNode[] = [];
  readonly #initializers = new Map<string, OnnxTensor>();
  readonly #inputs: OnnxValueInfo[] = [];
  readonly #outputs: OnnxValueInfo[] = [];

  /** Declares a graph input and returns its name. */
  input(name: string, elemType: number, dims: ReadonlyArray<number | string>): string {
    this.#inputs.push(makeValueInfo(name, elemType, dims));
    return name;
  }

  /** Makes a value a graph output under a name of its own. */
  output(
    value: string,
    name: string,
    elemType: number,
    dims: ReadonlyArray<number | string>,
  ): void {
    if (value !== name) this.#nodes.push(makeNode("Identity", [value], [name]));
    this.#outputs.push(makeValueInfo(name, elemType, dims));
  }

  /** Adds an initializer and returns its name. */
  constant(name: string, dims: readonly number[], data: NumericArray, dataType?: number): string {
    this.#initializers.set(name, makeTensor(name, dims, data, dataType));
    return name;
  }

  /** Adds an initializer made elsewhere, for example one whose data lies in another file. */
  initializer(tensor: OnnxTensor): string {
    this.#initializers.set(tensor.name, tensor);
    return tensor.name;
  }

  /** An int64 constant, shared by value: a list is a vector, a number a scalar. */
  integers(values: number | readonly number[]): string {
    const list = typeof values === "number" ? [values] : values;
    const name = `int64/${typeof values === "number" ? "scalar" : "list"}_${list.join("_")}`;
    const dims = typeof values === "number" ? [] : [list.length];
    return this.constant(name, dims, BigInt64Array.from(list, BigInt));
  }

  /** A float32 scalar constant, shared by value. */
  float(value: number): string {
    return this.constant(`float/${value}`, [], Float32Array.of(value));
  }

  /**
   * Adds a node with one output.
   *
   * @param name node name; its value is called `<name>_output_0`, as the PyTorch exporter does
   * @returns the name of the value
   */
  op(
    opType: string,
    inputs: readonly string[],
    name: string,
    attributes: Readonly<Record<string, AttributeInput>> = {},
    domain = "",
  ): string {
    return this.ops(opType, inputs, name, 1, attributes, domain)[0] ?? "";
  }

  /** Adds a node with several outputs, `<name>_output_0`, `<name>_output_1` and so on. */
  ops(
    opType: string,
    inputs: readonly string[],
    name: string,
    outputCount: number,
    attributes: Readonly<Record<string, AttributeInput>> = {},
    domain = "",
  ): string[] {
    const outputs = Array.from({ length: outputCount }, (_, i) => `${name}_output_${i}`);
    this.#nodes.push(makeNode(opType, inputs, outputs, { name, domain, attributes }));
    return outputs;
  }

  /** The finished model. */
  build(opset = 17): OnnxModel {
    const initializers = [...this.#initializers.values()];
    const parts = {
      nodes: this.#nodes,
      inputs: this.#inputs,
      outputs: this.#outputs,
      initializers,
    };
    return makeModel(parts, opset);
  }
}
