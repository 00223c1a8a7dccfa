/**
 * The parts of an ONNX model that surgery looks at, as immutable records.
 *
 * Each record keeps its own encoded form (`encoded`) as a view of the file it was read from. A record that is not
 * touched is written back from that view, byte for byte; a changed copy drops the view (see {@link changed}) and is
 * encoded anew from its fields plus `rest`, the fields this code does not interpret.
 *
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3
 */
import type { Pieces } from "./wire.js";

/** Element types of TensorProto.DataType, those that occur here. */
export const DataType = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
} as const;

/** An attribute of a node. `value` is decoded for the kinds surgery reads; other kinds live in `encoded` alone. */
export interface OnnxAttribute {
  readonly name: string;
  readonly value: AttributeValue | undefined;
  readonly encoded: Uint8Array | Pieces;
}

/** What an attribute may hold here: an integer, a float, a text, integers, or a tensor. */
export type AttributeValue =
  | { readonly kind: "int"; readonly int: number }
  | { readonly kind: "float"; readonly float: number }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "ints"; readonly ints: readonly number[] }
  | { readonly kind: "tensor"; readonly tensor: OnnxTensor }
  | { readonly kind: "graph" };

/** NodeProto. An empty string among inputs or outputs is an omitted optional value. */
export interface OnnxNode {
  readonly name: string;
  readonly opType: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly OnnxAttribute[];
  readonly rest: readonly Uint8Array[];
  readonly encoded: Uint8Array | undefined;
}

/** TensorProto: name, type and shape. Its data stays inside `encoded`, or in an external file. */
export interface OnnxTensor {
  readonly name: string;
  readonly dataType: number;
  readonly dims: readonly number[];
  /** A view of the little-endian data when it is stored inline as raw_data. */
  readonly rawData: Uint8Array | undefined;
  /** Where the data lies when outside: location, offset, length and so on, as written in the file. */
  readonly external: ReadonlyMap<string, string> | undefined;
  readonly encoded: Uint8Array | Pieces;
}

/** ValueInfoProto of a tensor. A dimension is a number, a symbol, or null when unknown. */
export interface OnnxValueInfo {
  readonly name: string;
  readonly elemType: number;
  readonly dims: ReadonlyArray<number | string | null> | undefined;
  readonly encoded: Uint8Array | Pieces;
}

/** GraphProto. */
export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  readonly rest: readonly Uint8Array[];
  readonly encoded: Uint8Array | undefined;
}

/** One imported operator set. The default domain is the empty string. */
export interface OnnxOpset {
  readonly domain: string;
  readonly version: number;
}

/** ModelProto. */
export interface OnnxModel {
  readonly irVersion: number;
  readonly opsets: readonly OnnxOpset[];
  readonly graph: OnnxGraph;
  readonly rest: readonly Uint8Array[];
  readonly encoded: Uint8Array | undefined;
}

/** A copy of a node, graph or model with some fields replaced, which will be encoded anew. */
export function changed<T extends OnnxNode | OnnxGraph | OnnxModel>(
  record: T,
  fields: Partial<Omit<T, "encoded">>,
): T {
  return { ...record, ...fields, encoded: undefined };
}
