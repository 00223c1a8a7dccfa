import { expect, test } from "vitest";
import { referToWeights } from "../../src/onnx/external-weights.js";
import { readModel } from "../../src/onnx/read-model.js";
import { writeModel } from "../../src/onnx/write-model.js";
import { makeSyntheticDecoder } from "../../src/testing/synthetic/decoder.js";

const shape = { layers: 2, width: 64, heads: 4, kvHeads: 2, feedForward: 96, vocabulary: 300 };

test("large weights become places in the file, which hold the same bytes; small ones stay", () => {
  // A file inside a larger buffer, as Node hands them out.
  const file = writeModel(makeSyntheticDecoder(shape));
  const pool = new Uint8Array(file.length + 100);
  pool.set(file, 64);
  const bytes = pool.subarray(64, 64 + file.length);
  const model = readModel(bytes);
  const referring = readModel(writeModel(referToWeights(model, bytes, "decoder.onnx")));
  const before = new Map(model.graph.initializers.map((tensor) => [tensor.name, tensor]));
  let external = 0;
  for (const tensor of referring.graph.initializers) {
    const original = before.get(tensor.name)!;
    expect([tensor.dims, tensor.dataType]).toEqual([original.dims, original.dataType]);
    if (tensor.external === undefined) {
      expect(tensor.rawData).toEqual(original.rawData);
      expect(original.rawData!.byteLength).toBeLessThan(1024);
      continue;
    }
    external++;
    expect(tensor.external.get("location")).toBe("decoder.onnx");
    const offset = Number(tensor.external.get("offset"));
    const length = Number(tensor.external.get("length"));
    expect(file.subarray(offset, offset + length)).toEqual(new Uint8Array(original.rawData!));
  }
  expect(external).toBeGreaterThan(2 * 7);
  expect(writeModel(referring).length).toBeLessThan(file.length / 5);
});
