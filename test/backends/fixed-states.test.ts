import { Tensor } from "onnxruntime-common";
import { describe, expect, test } from "vitest";
import { DecoderCache } from "../../src/backends/onnx/decoder-cache.js";
import { emptyPast, readGeometry } from "../../src/backends/onnx/decoder-tensors.js";
import type { Session } from "../../src/backends/onnx/runtime.js";
import { ModelLoadError, ShapeError } from "../../src/errors.js";

type Dims = readonly (number | string)[];

/** A session of these inputs, float16 where their name ends in "!". */
function sessionOf(inputs: Readonly<Record<string, Dims>>): Session {
  const inputMetadata = Object.entries(inputs).map(([key, shape]) => {
    const type = key.endsWith("!") ? "float16" : "float32";
    return { name: key.replace("!", ""), isTensor: true, type, shape };
  });
  return { inputMetadata } as unknown as Session;
}

const KEYS: Dims = ["batch", 2, "past", 4];

describe("what a decoder keeps is read from its inputs", () => {
  test("states by name, shape and type beside the layers that have keys", () => {
    const session = sessionOf({
      "past_conv.0": ["batch", 3, 2],
      "past_key_values.1.key": KEYS,
      "past_key_values.1.value": KEYS,
      "past_recurrent.2!": ["batch", 2, 2, 2],
    });
    expect(readGeometry(session)).toEqual({
      layers: [{ layer: 1, heads: 2, headSize: 4 }],
      ArrayType: Float32Array,
      states: [
        { name: "conv.0", dims: [3, 2], ArrayType: Float32Array },
        { name: "recurrent.2", dims: [2, 2, 2], ArrayType: Uint16Array },
      ],
    });
    const past = emptyPast({ Tensor }, readGeometry(session));
    expect(past["past_conv.0"]).toMatchObject({ type: "float32", dims: [1, 3, 2], size: 6 });
    expect(past["past_recurrent.2"]).toMatchObject({ type: "float16", dims: [1, 2, 2, 2] });
    expect(past["past_key_values.1.key"]!.dims).toEqual([1, 2, 0, 4]);
  });

  test("sizes that a graph leaves open are config.json's, or refused", () => {
    const session = sessionOf({ "past_key_values.0.key": KEYS, "past_conv.1": ["b", "w", 2] });
    const told = { heads: 2, headSize: 4, states: { conv: [6, 2] } };
    expect(readGeometry(session, told as never).states[0]).toMatchObject({ dims: [6, 2] });
    expect(() => readGeometry(session)).toThrow(ModelLoadError);
    expect(() => readGeometry(session)).toThrow(
      "input past_conv.1 has shape (b, w, 2); expected numbers of a state of fixed size",
    );
  });
});

describe.each([
  ["float32", Float32Array],
  ["float16", Uint16Array],
] as const)("states in %s", (_, ArrayType) => {
  const geometry = {
    layers: [{ layer: 1, heads: 1, headSize: 1 }],
    ArrayType,
    states: [
      { name: "conv.0", dims: [2], ArrayType },
      { name: "recurrent.2", dims: [1, 3], ArrayType },
    ],
  };
  const source = (...values: number[]) => ArrayType.from(values);

  /** Contexts whose states are 10 B + 1, 10 B + 2, ... with two tokens each. */
  function filled(count: number): DecoderCache {
    const cache = new DecoderCache(geometry);
    cache.add(
      Array.from({ length: count }, () => 4),
      2,
    );
    for (let slot = 0; slot < count; slot++) fill(cache, slot, 10 * slot, 2);
    return cache;
  }

  /** Appends tokens to a context, which replaces its states: they come second in the run's outputs. */
  function fill(cache: DecoderCache, slot: number, from: number, count: number) {
    const rows = { source: source(...Array(count).fill(from)), batchIndex: 0, firstRow: 0 };
    for (const kind of ["key", "value"] as const)
      cache.write(kind, 0, slot, count, { ...rows, sourceRows: count });
    cache.states.write(0, slot, source(0, 0, from + 1, from + 2), 1);
    cache.states.write(1, slot, source(0, 0, 0, from + 3, from + 4, from + 5), 1);
    cache.advance(slot, count);
  }

  const statesOf = (cache: DecoderCache, slot: number) =>
    geometry.states.flatMap((__, state) => [...cache.states.view(state, slot, 1)]);
  const numbered = (from: number) => [1, 2, 3, 4, 5].map((i) => from + i);

  test("lie one context behind the other, for runs of neighbours", () => {
    const cache = filled(3);
    expect([...cache.states.view(0, 1, 2)]).toEqual([11, 12, 21, 22]);
    expect([...cache.states.view(1, 0, 2)]).toEqual([3, 4, 5, 13, 14, 15]);
    expect(cache.bytes).toBe(3 * (cache.capacity * 2 + 5) * ArrayType.BYTES_PER_ELEMENT);
  });

  test("are kept as a context moves, and begin at zero where another one was", () => {
    const cache = filled(3);
    expect(cache.remove(0)).toBe(2);
    expect([0, 1].map((slot) => statesOf(cache, slot))).toEqual([numbered(20), numbered(10)]);
    // Its slot is still there, and holds what moved away.
    expect(cache.add([4], 2)).toBe(2);
    expect(statesOf(cache, 2)).toEqual([0, 0, 0, 0, 0]);
    expect([0, 1].map((one) => statesOf(cache, one))).toEqual([numbered(20), numbered(10)]);
  });

  test("are copied with a prefix, from which contexts fork that go their own ways", () => {
    const cache = filled(2);
    const prefix = cache.prefix(1, 2);
    fill(cache, 1, 70, 1);
    const other = new DecoderCache(geometry);
    other.add([4, 4], 2);
    other.load(0, prefix);
    other.load(1, prefix);
    fill(other, 1, 90, 1);
    expect([0, 1].map((slot) => statesOf(other, slot))).toEqual([numbered(10), numbered(90)]);
    expect(prefix.states.flatMap((state) => [...state])).toEqual(numbered(10));
    expect(statesOf(cache, 1)).toEqual(numbered(70));
    expect(prefix.bytes).toBe((2 * 2 + 5) * ArrayType.BYTES_PER_ELEMENT);
  });

  test("cannot be cut back to fewer tokens", () => {
    const cut = () => filled(1).prefix(0, 1);
    expect(cut).toThrow(ShapeError);
    expect(cut).toThrow("received a length of 1 for a context of 2, whose states of fixed size");
  });
});
