import { GroundsightError, ModelLoadError } from "../errors.js";
import type {
  AttributeValue,
  OnnxAttribute,
  OnnxGraph,
  OnnxModel,
  OnnxNode,
  OnnxOpset,
  OnnxTensor,
  OnnxValueInfo,
} from "./graph-model.js";
import { asFloat, asInteger, asIntegers, asText, readFields, type WireField } from "./wire.js";

/**
 * Parses the bytes of an ONNX file (ModelProto).
 *
 * Nothing is copied: tensors, nodes and all that is not interpreted remain views of `bytes`, which must not be changed
 * while the model is in use. Weights in external files are never opened; the model only names them.
 *
 * @param bytes the whole .onnx file
 * @throws ModelLoadError when the bytes are not an ONNX model
 */
export function readModel(bytes: Uint8Array): OnnxModel {
  try {
    return decodeModel(bytes);
  } catch (cause) {
    if (GroundsightError.isInstance(cause)) throw cause;
    throw notAModel(bytes.byteLength, cause);
  }
}

/** The error for a file of so many bytes that are no ModelProto. */
export function notAModel(size: number, cause?: unknown): ModelLoadError {
  return new ModelLoadError(
    `not an ONNX model: ${size} bytes could not be read as a ModelProto; the file may be truncated or of another format`,
    { cause },
  );
}

function decodeModel(bytes: Uint8Array): OnnxModel {
  let irVersion = 0;
  let graph: OnnxGraph | undefined;
  const opsets: OnnxOpset[] = [];
  const rest: Uint8Array[] = [];
  for (const field of readFields(bytes)) {
    if (field.number === 1) irVersion = asInteger(field);
    else if (field.number === 7) graph = decodeGraph(field.value);
    else if (field.number === 8) opsets.push(decodeOpset(field.value));
    else rest.push(field.encoded);
  }
  if (graph === undefined || opsets.length === 0) {
    throw new ModelLoadError(
      `not an ONNX model: expected a graph and an operator set among ${bytes.byteLength} bytes, found ${graph === undefined ? "no graph" : "no operator set"}`,
    );
  }
  return { irVersion, opsets, graph, rest, encoded: bytes };
}

function decodeOpset(bytes: Uint8Array): OnnxOpset {
  const fields = readFields(bytes);
  return { domain: text(fields, 1), version: integer(fields, 2) };
}

function decodeGraph(bytes: Uint8Array): OnnxGraph {
  let name = "";
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  const inputs: OnnxValueInfo[] = [];
  const outputs: OnnxValueInfo[] = [];
  const rest: Uint8Array[] = [];
  for (const field of readFields(bytes)) {
    if (field.number === 1) nodes.push(decodeNode(field.value));
    else if (field.number === 2) name = asText(field);
    else if (field.number === 5) initializers.push(decodeTensor(field.value));
    else if (field.number === 11) inputs.push(decodeValueInfo(field.value));
    else if (field.number === 12) outputs.push(decodeValueInfo(field.value));
    else rest.push(field.encoded);
  }
  return { name, nodes, initializers, inputs, outputs, rest, encoded: bytes };
}

function decodeNode(bytes: Uint8Array): OnnxNode {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: OnnxAttribute[] = [];
  const rest: Uint8Array[] = [];
  let name = "";
  let opType = "";
  let domain = "";
  for (const field of readFields(bytes)) {
    if (field.number === 1) inputs.push(asText(field));
    else if (field.number === 2) outputs.push(asText(field));
    else if (field.number === 3) name = asText(field);
    else if (field.number === 4) opType = asText(field);
    else if (field.number === 5) attributes.push(decodeAttribute(field.value));
    else if (field.number === 7) domain = asText(field);
    else rest.push(field.encoded);
  }
  return { name, opType, domain, inputs, outputs, attributes, rest, encoded: bytes };
}

function decodeAttribute(bytes: Uint8Array): OnnxAttribute {
  const fields = readFields(bytes);
  return { name: text(fields, 1), value: decodeAttributeValue(fields), encoded: bytes };
}

function decodeAttributeValue(fields: readonly WireField[]): AttributeValue | undefined {
  const ints: number[] = [];
  for (const field of fields) {
    if (field.number === 2) return { kind: "float", float: asFloat(field) };
    if (field.number === 3) return { kind: "int", int: asInteger(field) };
    if (field.number === 4) return { kind: "text", text: asText(field) };
    if (field.number === 5) return { kind: "tensor", tensor: decodeTensor(field.value) };
    if (field.number === 6 || field.number === 11) return { kind: "graph" };
    if (field.number === 8) ints.push(...asIntegers(field));
  }
  return ints.length > 0 ? { kind: "ints", ints } : undefined;
}

function decodeTensor(bytes: Uint8Array): OnnxTensor {
  const dims: number[] = [];
  let name = "";
  let dataType = 0;
  let rawData: Uint8Array | undefined;
  let external: Map<string, string> | undefined;
  for (const field of readFields(bytes)) {
    if (field.number === 1) dims.push(...asIntegers(field));
    else if (field.number === 2) dataType = asInteger(field);
    else if (field.number === 8) name = asText(field);
    else if (field.number === 9) rawData = field.value;
    else if (field.number === 13) {
      const entry = readFields(field.value);
      external ??= new Map();
      external.set(text(entry, 1), text(entry, 2));
    }
  }
  return { name, dataType, dims, rawData, external, encoded: bytes };
}

function decodeValueInfo(bytes: Uint8Array): OnnxValueInfo {
  const fields = readFields(bytes);
  const tensorType = descend(fields, 2, 1);
  const name = text(fields, 1);
  if (tensorType === undefined) return { name, elemType: 0, dims: undefined, encoded: bytes };
  const shape = tensorType.find((field) => field.number === 2);
  const dims = shape === undefined ? undefined : readFields(shape.value).map(decodeDimension);
  return { name, elemType: integer(tensorType, 1), dims, encoded: bytes };
}

function decodeDimension(field: WireField): number | string | null {
  for (const part of readFields(field.value)) {
    if (part.number === 1) return asInteger(part);
    if (part.number === 2) return asText(part);
  }
  return null;
}

/** The fields of the message reached by following field numbers inwards, or undefined. */
function descend(fields: readonly WireField[], ...path: number[]): WireField[] | undefined {
  let current: readonly WireField[] = fields;
  for (const number of path) {
    const next = current.find((field) => field.number === number);
    if (next === undefined) return undefined;
    current = readFields(next.value);
  }
  return [...current];
}

function text(fields: readonly WireField[], number: number): string {
  const field = fields.find((candidate) => candidate.number === number);
  return field === undefined ? "" : asText(field);
}

function integer(fields: readonly WireField[], number: number): number {
  const field = fields.find((candidate) => candidate.number === number);
  return field === undefined ? 0 : asInteger(field);
}
