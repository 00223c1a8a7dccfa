import fc from "fast-check";
import { expect, test } from "vitest";
import { sampleToken } from "../../src/engine/sampler.js";
import { SeededRandom } from "../../src/math/seeded-random.js";
import { softmax } from "../../src/math/softmax.js";
import { topIndices } from "../../src/math/top-indices.js";

const scores = fc.array(fc.float({ min: -30, max: 30, noNaN: true }), {
  minLength: 1,
  maxLength: 50,
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
