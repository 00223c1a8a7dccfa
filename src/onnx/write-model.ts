import type { OnnxGraph, OnnxModel, OnnxNode } from "./graph-model.js";
import { integerField, joinPieces, messageField, type Pieces, textField, toBytes } from "./wire.js";

/**
 * Encodes a model as a list of pieces: freshly encoded parts between views of the file it was read from.
 *
 * Use this to stream a large model to a file without holding a second copy of its weights.
 */
export function encodeModel(model: OnnxModel): Pieces {
  if (model.encoded !== undefined) return joinPieces([model.encoded]);
  return joinPieces([
    integerField(1, model.irVersion),
    ...model.rest,
    messageField(7, encodeGraph(model.graph)),
    ...model.opsets.map(({ domain, version }) =>
      messageField(8, joinPieces([...optionalText(1, domain), integerField(2, version)])),
    ),
  ]);
}

/** Encodes a model into one buffer, ready for an inference session. A model that was not changed comes back byte for byte. */
export function writeModel(model: OnnxModel): Uint8Array {
  return toBytes(encodeModel(model));
}

function encodeGraph(graph: OnnxGraph): Pieces {
  if (graph.encoded !== undefined) return joinPieces([graph.encoded]);
  return joinPieces([
    ...graph.nodes.map((node) => messageField(1, encodeNode(node))),
    textField(2, graph.name),
    ...graph.initializers.map((tensor) => messageField(5, tensor.encoded)),
    ...graph.inputs.map((value) => messageField(11, value.encoded)),
    ...graph.outputs.map((value) => messageField(12, value.encoded)),
    ...graph.rest,
  ]);
}

function encodeNode(node: OnnxNode): Pieces {
  if (node.encoded !== undefined) return joinPieces([node.encoded]);
  return joinPieces([
    ...node.inputs.map((name) => textField(1, name)),
    ...node.outputs.map((name) => textField(2, name)),
    ...optionalText(3, node.name),
    textField(4, node.opType),
    ...node.attributes.map((attribute) => messageField(5, attribute.encoded)),
    ...optionalText(7, node.domain),
    ...node.rest,
  ]);
}

function optionalText(number: number, text: string): Uint8Array[] {
  return text === "" ? [] : [textField(number, text)];
}
