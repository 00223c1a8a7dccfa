/**
 * Makes ONNX records from plain values: for the nodes that surgery adds, for miniature graphs in tests and for
 * synthetic graphs in benchmarks.
 */
import {
  type AttributeValue,
  DataType,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValueInfo,
} from "./graph-model.js";
import {
  floatField,
  integerField,
  joinPieces,
  messageField,
  type Pieces,
  textField,
  toBytes,
} from "./wire.js";

/** A value an attribute is made from. Whole numbers become ints: give floats as `{ float: 1 }`. */
export type AttributeInput =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | OnnxTensor;

/** Optional parts of a node. */
export interface NodeOptions {
  readonly name?: string;
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, AttributeInput>>;
}

/**
 * A node (NodeProto).
 *
 * @param opType operator, for example "MatMul"
 * @param inputs names of values; an empty string omits an optional one
 * @param outputs names of values
 */
export function makeNode(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  options: NodeOptions = {},
): OnnxNode {
  const attributes = Object.entries(options.attributes ?? {}).map(([name, input]) =>
    makeAttribute(name, input),
  );
  const name = options.name ?? outputs[0] ?? "";
  return {
    name,
    opType,
    domain: options.domain ?? "",
    inputs,
    outputs,
    attributes,
    rest: [],
    encoded: undefined,
  };
}

/** An attribute (AttributeProto). */
export function makeAttribute(name: string, input: AttributeInput): OnnxAttribute {
  const value = attributeValue(input);
  return { name, value, encoded: joinPieces([textField(1, name), ...attributeFields(value)]) };
}

function attributeValue(input: AttributeInput): AttributeValue {
  if (typeof input === "number") return { kind: "int", int: input };
  if (typeof input === "string") return { kind: "text", text: input };
  if ("float" in input) return { kind: "float", float: input.float };
  if ("dataType" in input) return { kind: "tensor", tensor: input };
  return { kind: "ints", ints: input };
}

/** The fields of AttributeProto that hold a value, with the type field (20) that must agree with it. */
function attributeFields(value: AttributeValue): (Uint8Array | Pieces)[] {
  switch (value.kind) {
    case "float":
      return [floatField(2, value.float), integerField(20, 1)];
    case "int":
      return [integerField(3, value.int), integerField(20, 2)];
    case "text":
      return [textField(4, value.text), integerField(20, 3)];
    case "tensor":
      return [messageField(5, value.tensor.encoded), integerField(20, 4)];
    case "ints":
      return [...value.ints.map((int) => integerField(8, int)), integerField(20, 7)];
    case "graph":
      return [];
  }
}

/** Typed arrays a tensor can be made from. Float16 values are given as their bits in a Uint16Array. */
export type NumericArray =
  | Float32Array
  | Float64Array
  | BigInt64Array
  | Int32Array
  | Int8Array
  | Uint8Array
  | Uint16Array;

/**
 * A tensor (TensorProto), as an initializer or an attribute. The data is not copied.
 *
 * @param dims shape; the product must equal the number of elements
 * @param dataType needed where the array does not tell: bool is given as Uint8Array
 * @throws RangeError when shape and data disagree
 */
export function makeTensor(
  name: string,
  dims: readonly number[],
  data: NumericArray,
  dataType: number = typeOf(data),
): OnnxTensor {
  const count = dims.reduce((product, dim) => product * dim, 1);
  if (count !== data.length) {
    throw new RangeError(
      `tensor ${name}: shape [${dims.join(", ")}] holds ${count} elements, received ${data.length}`,
    );
  }
  const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const encoded = joinPieces([
    ...dims.map((dim) => integerField(1, dim)),
    integerField(2, dataType),
    textField(8, name),
    messageField(9, rawData),
  ]);
  return { name, dataType, dims, rawData, external: undefined, encoded };
}

/** A tensor whose data lies in another file: location (relative to the model), offset and length in bytes. */
export function makeExternalTensor(
  name: string,
  dims: readonly number[],
  dataType: number,
  place: Readonly<Record<string, string | number>> & { readonly location: string },
): OnnxTensor {
  const external = new Map(Object.entries(place).map(([key, value]) => [key, `${value}`]));
  const encoded = joinPieces([
    ...dims.map((dim) => integerField(1, dim)),
    integerField(2, dataType),
    textField(8, name),
    externalData(place),
  ]);
  return { name, dataType, dims, rawData: undefined, external, encoded };
}

/** The fields of a tensor that say where its data lies. */
export function externalData(place: Readonly<Record<string, string | number>>): Pieces {
  const entries = Object.entries(place).map(([key, value]) =>
    messageField(13, joinPieces([textField(1, key), textField(2, `${value}`)])),
  );
  return joinPieces([...entries, integerField(14, 1)]);
}

function typeOf(data: NumericArray): number {
  if (data instanceof Float32Array) return DataType.float32;
  if (data instanceof Float64Array) return DataType.float64;
  if (data instanceof BigInt64Array) return DataType.int64;
  if (data instanceof Int32Array) return DataType.int32;
  if (data instanceof Int8Array) return DataType.int8;
  if (data instanceof Uint16Array) return DataType.float16;
  return DataType.uint8;
}

/**
 * A graph input or output (ValueInfoProto of a tensor).
 *
 * @param dims numbers, symbols, or null for an unknown size; undefined when not even the rank is known
 */
export function makeValueInfo(
  name: string,
  elemType: number,
  dims: ReadonlyArray<number | string | null> | undefined,
): OnnxValueInfo {
  const shape = dims === undefined ? [] : [messageField(2, joinPieces(dims.map(encodeDimension)))];
  const tensorType = messageField(1, joinPieces([integerField(1, elemType), ...shape]));
  const encoded = joinPieces([textField(1, name), messageField(2, tensorType)]);
  return { name, elemType, dims, encoded };
}

/**
 * Declares the shape of a value that is no longer an output, as an encoded field for the `rest` of a graph.
 *
 * ONNX Runtime plans memory by declared and inferred shapes, and infers that the present of a fused attention has the
 * shape of its past. While the present was an output its declared shape corrected that; it must stay declared.
 */
export function declareInternal(value: OnnxValueInfo): Uint8Array {
  return toBytes(messageField(13, value.encoded));
}

function encodeDimension(dim: number | string | null): Pieces {
  const content =
    dim === null ? [] : [typeof dim === "number" ? integerField(1, dim) : textField(2, dim)];
  return messageField(1, joinPieces(content));
}

/** The parts of a graph. */
export interface GraphParts {
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  readonly initializers?: readonly OnnxTensor[];
}

/** A model of one graph, of operator set 17 and, for fused operators, com.microsoft 1. */
export function makeModel(parts: GraphParts, opset = 17): OnnxModel {
  const graph: OnnxGraph = {
    name: "graph",
    nodes: parts.nodes,
    initializers: parts.initializers ?? [],
    inputs: parts.inputs,
    outputs: parts.outputs,
    rest: [],
    encoded: undefined,
  };
  const opsets = [
    { domain: "", version: opset },
    { domain: "com.microsoft", version: 1 },
  ];
  return { irVersion: 8, opsets, graph, rest: [], encoded: undefined };
}
