import { describe, expect, test } from "vitest";
import { ModelLoadError } from "../../src/errors.js";
import { readModel } from "../../src/onnx/read-model.js";
import { type FileParts, readWithoutWeights } from "../../src/onnx/read-without-weights.js";
import { integerField, joinPieces, toBytes } from "../../src/onnx/wire.js";
import { writeModel } from "../../src/onnx/write-model.js";
import { makeSyntheticDecoder } from "../../src/testing/synthetic/decoder.js";

const shape = { layers: 2, width: 64, heads: 4, kvHeads: 2, feedForward: 96, vocabulary: 300 };
const bytes = writeModel(makeSyntheticDecoder(shape));

/** A file in memory that counts what is read of it. */
function fileOf(content: Uint8Array): FileParts & { bytes: number } {
  return {
    size: content.length,
    bytes: 0,
    async read(offset, length) {
      if (offset + length > content.length) throw new RangeError("read behind the end");
      this.bytes += length;
      return content.slice(offset, offset + length);
    },
  };
}

test("large weights become places in the file, which hold the same bytes; small ones stay", async () => {
  const stock = readModel(bytes).graph;
  const { graph } = await readWithoutWeights(fileOf(bytes), "decoder.onnx");
  const before = new Map(stock.initializers.map((tensor) => [tensor.name, tensor]));
  let external = 0;
  for (const tensor of graph.initializers) {
    const original = before.get(tensor.name)!;
    expect([tensor.dims, tensor.dataType]).toEqual([original.dims, original.dataType]);
    if (tensor.external === undefined) {
      expect(tensor.rawData).toEqual(original.rawData);
      expect(original.rawData!.byteLength).toBeLessThan(1024);
      continue;
    }
    external++;
    expect(tensor.rawData).toBeUndefined();
    expect(tensor.external.get("location")).toBe("decoder.onnx");
    const offset = Number(tensor.external.get("offset"));
    const length = Number(tensor.external.get("length"));
    const placed = bytes.subarray(offset, offset + length);
    expect(Buffer.compare(placed, original.rawData!), tensor.name).toBe(0);
  }
  expect(external).toBeGreaterThan(2 * 7);
  expect(graph.initializers.map(({ name }) => name)).toEqual([...before.keys()]);
});

test("all else of the graph is as it was, and weights are not read", async () => {
  const file = fileOf(bytes);
  const lean = await readWithoutWeights(file, "decoder.onnx");
  const stock = readModel(bytes);
  const others = ({ graph, opsets, irVersion, rest }: typeof stock) => ({
    ...{ opsets, irVersion, rest, nodes: graph.nodes, name: graph.name },
    ...{ inputs: graph.inputs, outputs: graph.outputs, graphRest: graph.rest },
  });
  expect(others(lean)).toEqual(others(stock));
  expect(writeModel(lean).length).toBeLessThan(bytes.length / 5);
  expect(file.bytes).toBeLessThan(bytes.length / 5);
});

test("weights that lie in another file stay there", async () => {
  const once = await readWithoutWeights(fileOf(bytes), "weights.bin");
  const again = await readWithoutWeights(fileOf(writeModel(once)), "decoder.onnx");
  expect(again.graph.initializers).toEqual(once.graph.initializers);
});

describe("files that are no model are refused", () => {
  test.each<[string, Uint8Array]>([
    ["empty", new Uint8Array(0)],
    ["text", new TextEncoder().encode("this is not a model, it is a sentence")],
    ["a truncated model", bytes.subarray(0, bytes.length - 7)],
    ["half a model", bytes.subarray(0, bytes.length >> 1)],
    ["a part that ends behind the part around it", Uint8Array.of(0x3a, 2, 0x2a, 4, 1, 2)],
    ["a message without graph", toBytes(joinPieces([integerField(1, 8)]))],
  ])("%s", async (_, broken) => {
    const read = readWithoutWeights(fileOf(broken), "decoder.onnx");
    await expect(read).rejects.toThrow(ModelLoadError);
    await expect(read).rejects.toThrow(/not an ONNX model/);
  });
});
