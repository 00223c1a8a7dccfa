import fc from "fast-check";
import { expect, test } from "vitest";
import { KeyValueCache } from "../../src/backends/onnx/key-value-cache.js";
import { BoundedCache } from "../../src/engine/bounded-cache.js";
import { Detokenizer } from "../../src/engine/detokenizer.js";
import { sampleToken } from "../../src/engine/sampler.js";
import { StopText } from "../../src/engine/stop-text.js";
import { SeededRandom } from "../../src/math/seeded-random.js";
import { softmax } from "../../src/math/softmax.js";
import { topIndices } from "../../src/math/top-indices.js";

const scores = fc.array(fc.float({ min: -30, max: 30, noNaN: true }), {
  minLength: 1,
  maxLength: 50,
});

test("top indices are the head of a full sort", () => {
  fc.assert(
    fc.property(scores, fc.nat(60), (values, k) => {
      const sorted = [...values.keys()].sort((a, b) => values[b]! - values[a]! || a - b);
      expect(topIndices(values, k)).toEqual(sorted.slice(0, k));
    }),
  );
});

test("a draw lies in the top-k and in the smallest set that reaches p", () => {
  fc.assert(
    fc.property(
      scores,
      fc.integer({ min: 1, max: 60 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      fc.nat(),
      (values, topK, topP, seed) => {
        const best = topIndices(values, topK);
        const probs = softmax(best.map((id) => values[id]!));
        let mass = 0;
        const allowed = best.filter((_, i) => {
          const isInside = mass < topP + 1e-6;
          mass += probs[i]!;
          return isInside;
        });
        const token = sampleToken(
          Float32Array.from(values),
          { temperature: 1, topK, topP },
          new SeededRandom(seed),
        );
        expect(allowed).toContain(token);
      },
    ),
  );
});

test("draws follow the probabilities", () => {
  const random = new SeededRandom(9);
  const logits = Float32Array.of(0, Math.log(2), Number.NEGATIVE_INFINITY, Math.log(5));
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < 40_000; i++)
    counts[sampleToken(logits, { temperature: 1, topK: undefined, topP: 1 }, random)]!++;
  expect(counts[2]).toBe(0);
  for (const [token, share] of [
    [0, 1 / 8],
    [1, 2 / 8],
    [3, 5 / 8],
  ] as const) {
    expect(Math.abs(counts[token]! / 40_000 - share)).toBeLessThan(0.01);
  }
});

test("a low temperature sharpens, a high one flattens", () => {
  const share = (temperature: number) => {
    const random = new SeededRandom(4);
    let hits = 0;
    for (let i = 0; i < 5000; i++) {
      hits += sampleToken(Float32Array.of(0, 1), { temperature, topK: undefined, topP: 1 }, random);
    }
    return hits / 5000;
  };
  expect(share(0.2)).toBeGreaterThan(0.98);
  expect(share(50)).toBeLessThan(0.53);
});

test("byte tokens decode to the same text piece by piece as at once", () => {
  const decode = (ids: readonly number[]) => new TextDecoder().decode(Uint8Array.from(ids));
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 30 }), (text) => {
      const decoder = new Detokenizer(decode);
      const pieces = [...new TextEncoder().encode(text)].map((byte) => decoder.push(byte));
      expect(pieces.join("") + decoder.end()).toBe(text.replace(/^\uFEFF/, ""));
    }),
  );
});

test("what is released before a stop text is the text up to its first occurrence", () => {
  const part = fc.string({ unit: fc.constantFrom("a", "b", "."), maxLength: 4 });
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 20 }),
      fc.array(
        part.filter((stop) => stop !== ""),
        { minLength: 1, maxLength: 3 },
      ),
      (pieces, stops) => {
        const stop = new StopText(stops);
        let shown = "";
        for (const piece of pieces) for (const character of piece) shown += stop.push(character);
        shown += stop.end();
        const text = pieces.join("");
        // Characters come one by one, so the stop that ends first wins, and of those the longest.
        let expected = text;
        for (let end = 1; end <= text.length && expected === text; end++) {
          const found = stops
            .filter((s) => text.slice(0, end).endsWith(s))
            .map((s) => end - s.length);
          if (found.length > 0) expected = text.slice(0, Math.min(...found));
          if (found.length > 0) break;
        }
        expect(shown).toBe(expected);
      },
    ),
  );
});

test("a bounded cache never exceeds its bound and drops the least recently used", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom("a", "b", "c", "d"), fc.integer({ min: 0, max: 6 })), {
        maxLength: 40,
      }),
      (steps) => {
        const cache = new BoundedCache<number>(10);
        let model: [string, number][] = [];
        for (const [key, bytes] of steps) {
          model = model.filter(([other]) => other !== key);
          cache.set(key, bytes, bytes);
          model.push([key, bytes]);
          while (model.reduce((sum, [, size]) => sum + size, 0) > 10) model.shift();
          expect(cache.bytes).toBe(model.reduce((sum, [, size]) => sum + size, 0));
        }
        for (const [key, bytes] of model) expect(cache.get(key)).toBe(bytes);
      },
    ),
  );
});

test("cache contexts keep their own rows through growth, dropping and prefixes", () => {
  const geometry = { layers: [{ heads: 2, headSize: 3 }], ArrayType: Float32Array };
  const step = fc.oneof(
    fc.record({ add: fc.nat(3), count: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ drop: fc.nat(3) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const cache = new KeyValueCache(geometry);
      cache.add([200, 200, 200, 200], 2);
      const model: number[][] = [[], [], [], []];
      let next = 1;
      for (const action of steps) {
        if ("drop" in action) {
          if (action.drop >= model.length || model.length === 1) continue;
          // The last context takes the slot of the one that leaves.
          expect(cache.remove(action.drop)).toBe(
            action.drop === model.length - 1 ? undefined : model.length - 1,
          );
          const last = model.pop()!;
          if (action.drop < model.length) model[action.drop] = last;
          continue;
        }
        const context = action.add % model.length;
        cache.reserve(cache.lengths[context]! + action.count);
        const rows = Array.from({ length: action.count }, () => next++);
        const source = Float32Array.from(
          [0, 1].flatMap((head) => rows.flatMap((row) => [row, head, -row])),
        );
        for (const kind of ["key", "value"] as const) {
          cache.write(kind, 0, context, action.count, {
            source,
            batchIndex: 0,
            sourceRows: action.count,
            firstRow: 0,
          });
        }
        cache.advance(context, action.count);
        model[context]!.push(...rows);
      }
      expect(cache.lengths).toEqual(model.map(({ length }) => length));
      model.forEach((rows, context) => {
        const expected = [0, 1].flatMap((head) => rows.flatMap((row) => [row, head, -row]));
        expect([...cache.compact("value", 0, [context], rows.length)].map((x) => x + 0)).toEqual(
          expected,
        );
        const copy = new KeyValueCache(geometry);
        copy.add([rows.length], rows.length);
        copy.load(0, cache.prefix(context, rows.length));
        expect([...copy.view("key", 0, 0, 1)].map((x) => x + 0)).toEqual(expected);
      });
    }),
  );
});
