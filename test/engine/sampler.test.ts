import fc from "fast-check";
import { expect, test } from "vitest";
import { penaliseRepetition, sampleToken } from "../../src/engine/sampler.js";
import { argMax } from "../../src/math/arg-max.js";
import { SeededRandom } from "../../src/math/seeded-random.js";

const draw = (scores: Float32Array, temperature: number, seed = 0) =>
  sampleToken(scores, { temperature, topK: undefined, topP: 1 }, new SeededRandom(seed));

test.each([1e-38, 1e-45, 1e-300, Number.MIN_VALUE])(
  "a temperature of %d, far below what float32 can divide by, is greedy",
  (temperature) => {
    // Different numbers, in sixteenths.
    const scores = fc
      .uniqueArray(fc.integer({ min: -1600, max: 1600 }), { minLength: 1, maxLength: 30 })
      .map((values) => values.map((value) => value / 16));
    fc.assert(
      fc.property(scores, fc.nat(), (values, seed) => {
        const row = Float32Array.from(values);
        expect(draw(row, temperature, seed)).toBe(argMax(row));
        for (const topP of [0.5, 0.999]) {
          const settings = { temperature, topK: 5, topP };
          expect(sampleToken(row, settings, new SeededRandom(seed))).toBe(argMax(row));
        }
      }),
    );
  },
);

test("large scores do not overflow, at high temperatures neither", () => {
  const scores = Float32Array.of(3e38, 3e38, -3e38);
  const drawn = new Set(Array.from({ length: 60 }, (_, seed) => draw(scores, 1, seed)));
  expect([...drawn].sort()).toEqual([0, 1]);
});

test("one uniform number is drawn per sampled token, none when greedy", () => {
  const random = new SeededRandom(5);
  const scores = Float32Array.of(1, 2, 3);
  sampleToken(scores, { temperature: 0, topK: undefined, topP: 1 }, random);
  expect(random.uniform()).toBe(new SeededRandom(5).uniform());
  const drawn = new SeededRandom(5);
  sampleToken(scores, { temperature: 1, topK: 2, topP: 0.9 }, drawn);
  const once = new SeededRandom(5);
  once.uniform();
  expect(drawn.uniform()).toBe(once.uniform());
});

test("a draw changes no score", () => {
  const scores = new SeededRandom(1).gaussians(500);
  const before = scores.slice();
  for (const topP of [0.5, 1]) {
    for (const topK of [undefined, 3]) {
      sampleToken(scores, { temperature: 2, topK, topP }, new SeededRandom(2));
    }
  }
  expect(scores).toEqual(before);
});

test("a penalty divides what is positive and multiplies what is negative, once per token seen", () => {
  const scores = Float32Array.of(4, -4, 4, 0);
  penaliseRepetition(scores, new Set([0, 1, 3, 99]), 2);
  expect([...scores]).toEqual([2, -8, 4, 0]);
});
