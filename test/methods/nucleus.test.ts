import fc from "fast-check";
import { expect, test } from "vitest";
import { argMax } from "../../src/math/arg-max.js";
import { softmax } from "../../src/math/softmax.js";
import { keepNucleus } from "../../src/methods/nucleus.js";

const NONE = Number.NEGATIVE_INFINITY;
const keep = (logits: readonly number[], topP: number, temperature = 1) => {
  const kept = Float32Array.from(logits);
  keepNucleus(kept, { temperature, topP });
  return [...kept];
};
/** Logits of probabilities. */
const logitsOf = (...probs: number[]) => probs.map((p) => Math.fround(Math.log(p)));

test("the smallest set of best tokens that reaches p is kept as it was, the rest left out", () => {
  const logits = logitsOf(0.1, 0.4, 0.2, 0.3);
  const [a, b, c, d] = logits as [number, number, number, number];
  expect(keep(logits, 0.39)).toEqual([NONE, b, NONE, NONE]);
  expect(keep(logits, 0.41)).toEqual([NONE, b, NONE, d]);
  expect(keep(logits, 0.71)).toEqual([NONE, b, c, d]);
  expect(keep(logits, 1)).toEqual([a, b, c, d]);
});

test("a low temperature keeps fewer", () => {
  const logits = logitsOf(0.4, 0.3, 0.2, 0.1);
  const count = (temperature: number) =>
    keep(logits, 0.6, temperature).filter((x) => x > NONE).length;
  expect([count(1), count(0.5), count(0.2)]).toEqual([2, 2, 1]);
});

test("of equal tokens those with smaller ids come first", () => {
  expect(keep([0, 0, 0, 0], 0.5)).toEqual([0, 0, NONE, NONE]);
});

test("tokens without a chance stay without", () => {
  expect(keep([NONE, 1, NONE], 1)).toEqual([NONE, 1, NONE]);
});

test("what is kept reaches p, and would not without its least token; the best is always among it", () => {
  const logits = fc.array(fc.float({ min: -20, max: 20, noNaN: true }), {
    minLength: 1,
    maxLength: 40,
  });
  fc.assert(
    fc.property(logits, fc.double({ min: 0.01, max: 0.99, noNaN: true }), (values, topP) => {
      const kept = keep(values, topP);
      const inside = [...kept.keys()].filter((id) => kept[id]! > NONE);
      const probs = softmax(Float32Array.from(values));
      const mass = inside.reduce((sum, id) => sum + probs[id]!, 0);
      const least = Math.min(...inside.map((id) => probs[id]!));
      expect(inside).toContain(argMax(values));
      expect(mass).toBeGreaterThan(topP - 1e-5);
      expect(mass - least).toBeLessThan(topP + 1e-5);
      for (const id of inside) expect(kept[id]).toBe(values[id]);
    }),
  );
});
