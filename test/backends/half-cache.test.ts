import { Tensor } from "onnxruntime-common";
import { describe, expect, test } from "vitest";
import { DecoderCache } from "../../src/backends/onnx/decoder-cache.js";
import { cacheArray, readGeometry } from "../../src/backends/onnx/decoder-tensors.js";
import { InferenceError, ModelLoadError } from "../../src/errors.js";
import type { FakeToken } from "../../src/testing/fake-tokens.js";
import { CACHES, ids, REQUESTS } from "../engine/asked.js";
import { fakeOnnxModel, fakeOnnxParts } from "./fake-onnx.js";

/** Logits that depend on every token and every feature of the context, features to the nearest 1024th. */
function roundedLogits(context: readonly FakeToken[]): Float32Array {
  const logits = new Float32Array(259);
  context.forEach(({ id, feature, position }) => {
    const mark = id * 31 + Math.round(feature * 1024) * 7 + position * 13;
    for (let k = 0; k < 256; k++) logits[k]! += ((mark * (k + 1)) % 97) / 97;
  });
  return logits;
}

describe.each(CACHES)("a float16 cache: $pastLayout, new rows $returnsNewRows", (layout) => {
  const cache = { ...layout, isHalf: true };

  test("gives each request of a batch the tokens it gets alone, and those of a float32 cache", async () => {
    const logits = roundedLogits;
    const expected = await fakeOnnxModel({ cache: layout, logits }).generateBatch(REQUESTS);
    const together = await fakeOnnxModel({ cache, logits }).generateBatch(REQUESTS);
    expect(together.map(ids)).toEqual(expected.map(ids));
    for (const [i, request] of REQUESTS.entries()) {
      const alone = await fakeOnnxModel({ cache, logits }).generate(request);
      expect(ids(alone)).toEqual(ids(expected[i]!));
    }
  });
});

test("its numbers take two bytes each, in buffers of bits", () => {
  const half = { pastLayout: "masked", returnsNewRows: true, isHalf: true } as const;
  const geometry = readGeometry(fakeOnnxParts({ cache: half }).graphs.decoder.session);
  expect(geometry).toEqual({
    layers: [{ layer: 0, heads: 1, headSize: 2 }],
    ArrayType: Uint16Array,
    states: [],
  });
  const cache = new DecoderCache(geometry);
  cache.add([3, 3], 3);
  expect(cache.bytes).toBe(2 * 3 * (2 * 2) * 2);
  expect(cache.view("key", 0, 0, 1)).toBeInstanceOf(Uint16Array);
});

test("float16 rows are taken as bits, whatever array the runtime hands them out in", () => {
  const bits = Uint16Array.of(1, 0x3c00, 0xbc00);
  expect(cacheArray(new Tensor("float16", bits, [3]))).toBe(bits);
  const other = new Int16Array(new Uint16Array([9, ...bits]).buffer, 2);
  const taken = cacheArray({ type: "float16", data: other } as unknown as Tensor);
  expect(taken).toEqual(bits);
});

test("rows and pasts of other types are refused by name", () => {
  const rows = new Tensor("int32", Int32Array.of(1), [1]);
  expect(() => cacheArray(rows)).toThrow(InferenceError);
  expect(() => cacheArray(rows)).toThrow("cache rows of type int32");
  const { session } = fakeOnnxParts().graphs.decoder;
  const unknown = session.inputMetadata.map((input) => ({ ...input, shape: ["b", "h", "p", 2] }));
  const broken = { ...session, inputMetadata: unknown } as typeof session;
  expect(() => readGeometry(broken)).toThrow(ModelLoadError);
  expect(() => readGeometry(broken)).toThrow("past_key_values.0.key has shape (b, h, p, 2)");
});
