/** What is told of a distribution over tokens: entropy, divergence, rank, plausible tokens, the elbow. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { elbow } from "../../src/math/elbow.js";
import { entropy } from "../../src/math/entropy.js";
import { klDivergence } from "../../src/math/kl-divergence.js";
import { logSoftmax } from "../../src/math/log-softmax.js";
import { plausibleCount } from "../../src/math/plausible-count.js";
import { rankOf } from "../../src/math/rank-of.js";
import golden from "../golden/elbow.json" with { type: "json" };

const NEVER = Number.NEGATIVE_INFINITY;
const logs = (...probabilities: number[]) => probabilities.map(Math.log);
const row = fc
  .array(fc.double({ min: -20, max: 20, noNaN: true }), { minLength: 2, maxLength: 40 })
  .map((values) => logSoftmax(values));

describe("entropy", () => {
  test("of even and certain distributions", () => {
    expect(entropy(logs(0.25, 0.25, 0.25, 0.25))).toBeCloseTo(Math.log(4), 12);
    expect(entropy([0, NEVER, NEVER])).toBe(0);
    expect(entropy(logs(0.5, 0.25, 0.25))).toBeCloseTo(1.5 * Math.log(2), 12);
  });

  test("is between 0 and ln V", () => {
    fc.assert(
      fc.property(row, (p) => {
        expect(entropy(p)).toBeGreaterThanOrEqual(-1e-5);
        expect(entropy(p)).toBeLessThanOrEqual(Math.log(p.length) + 1e-5);
      }),
    );
  });
});

describe("Kullback-Leibler divergence", () => {
  test("by hand, and where the other excludes a token", () => {
    const [p, q] = [logs(0.5, 0.5), logs(0.25, 0.75)];
    expect(klDivergence(p, q)).toBeCloseTo(0.5 * Math.log(2) + 0.5 * Math.log(2 / 3), 12);
    expect(klDivergence(p, [0, NEVER])).toBe(Number.POSITIVE_INFINITY);
    expect(klDivergence([0, NEVER], p)).toBeCloseTo(Math.log(2), 12);
  });

  test("is never below 0, and 0 of a distribution and itself", () => {
    fc.assert(
      fc.property(row, fc.func(fc.double({ min: -9, max: 9, noNaN: true })), (p, change) => {
        const q = logSoftmax(Array.from(p, (value, i) => value + change(i)));
        expect(klDivergence(p, q)).toBeGreaterThanOrEqual(0);
        expect(klDivergence(p, p)).toBe(0);
      }),
    );
  });
});

test("ranks count what is larger, and not what is equal", () => {
  expect([0, 1, 2, 3].map((i) => rankOf([3, 5, 3, NEVER], i))).toEqual([1, 0, 1, 3]);
});

test("plausible tokens have a share of the best one's probability", () => {
  const p = logs(0.6, 0.07, 0.06, 0.05, 0.22);
  expect([1, 0.3, 0.11, 0.1, 0.099, 0].map((beta) => plausibleCount(p, beta))).toEqual([
    1, 2, 3, 4, 4, 5,
  ]);
  expect(plausibleCount([7, 7, NEVER], 0.1)).toBe(2);
});

describe("elbow", () => {
  test(`is where ${golden.source} has the knee of convex falling curves`, () => {
    expect(golden.cases.length).toBeGreaterThan(40);
    for (const { values, elbow: expected } of golden.cases) expect(elbow(values)).toBe(expected);
  });

  test("counts the tokens that compete", () => {
    const rest = new Array<number>(20).fill(0.001);
    expect(elbow([0.9, ...rest])).toBe(1);
    expect(elbow([0.32, 0.31, 0.3, ...rest])).toBe(3);
  });

  test("is 0 where nothing bends", () => {
    expect([[], [1], [1, 0], [0.5, 0.5, 0.5], [3, 2, 1]].map(elbow)).toEqual([0, 0, 0, 0, 0]);
  });
});
