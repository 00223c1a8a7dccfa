import { expect, test } from "vitest";
import { logSoftmax } from "../../src/math/log-softmax.js";
import { logSumExp } from "../../src/math/log-sum-exp.js";
import { SeededRandom } from "../../src/math/seeded-random.js";

const NONE = Number.NEGATIVE_INFINITY;

test("log-probabilities of a hand-worked case", () => {
  const [a, b, c] = logSoftmax([Math.log(1), Math.log(2), Math.log(5)]);
  expect(a).toBeCloseTo(Math.log(1 / 8), 6);
  expect(b).toBeCloseTo(Math.log(2 / 8), 6);
  expect(c).toBeCloseTo(Math.log(5 / 8), 6);
});

test("logits that would overflow or vanish do not", () => {
  expect([...logSoftmax([1000, 1000])].map((x) => x.toFixed(6))).toEqual([
    "-0.693147",
    "-0.693147",
  ]);
  expect(logSoftmax([0, -1000])[1]).toBe(-1000);
  expect(logSumExp([-1000, -1000])).toBeCloseTo(-1000 + Math.LN2, 9);
});

test("-Infinity stays -Infinity, also when there is nothing else", () => {
  expect([...logSoftmax([NONE, 2])]).toEqual([NONE, 0]);
  expect([...logSoftmax([NONE, NONE])]).toEqual([NONE, NONE]);
  expect(logSumExp([])).toBe(NONE);
});

test("the given array is not touched", () => {
  const logits = Float32Array.of(1, 2);
  const result = logSoftmax(logits);
  expect([...logits]).toEqual([1, 2]);
  expect(result).not.toBe(logits);
});

test("a sum over a vocabulary is that of Math.exp to 1e-12, however far its numbers lie apart", () => {
  const random = new SeededRandom(1, "logits");
  for (const spread of [0.01, 1, 5, 20, 300]) {
    const logits = random.gaussians(50_000).map((x) => x * spread);
    const max = Math.max(...logits);
    const sum = logits.reduce((total, x) => total + Math.exp(x - max), 0);
    expect(Math.abs(logSumExp(logits) - (max + Math.log(sum)))).toBeLessThan(1e-12 * (1 + max));
    expect(logSumExp(logits, max)).toBe(logSumExp(logits));
  }
});

test("of one number the sum is that number; numbers that are none add nothing", () => {
  expect(logSumExp([0.1])).toBe(0.1);
  expect(logSumExp([2, Number.NaN, NONE])).toBe(2);
});
