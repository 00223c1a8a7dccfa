import { expect, test } from "vitest";
import { SeededRandom } from "../../src/math/seeded-random.js";

const draws = (random: SeededRandom, n: number) =>
  Array.from({ length: n }, () => random.uniform());

test("a seed fixes the sequence; other seeds, high bits and streams give others", () => {
  expect(draws(new SeededRandom(42), 5)).toEqual(draws(new SeededRandom(42), 5));
  const firsts = [
    new SeededRandom(0),
    new SeededRandom(1),
    new SeededRandom(2 ** 32),
    new SeededRandom(0, "noise"),
  ];
  expect(new Set(firsts.map((random) => random.uniform())).size).toBe(4);
});

test("uniform draws have the mean and variance of U(0, 1)", () => {
  const values = draws(new SeededRandom(1), 100_000);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
  expect(Math.abs(mean - 1 / 2)).toBeLessThan(0.005);
  expect(Math.abs(variance - 1 / 12)).toBeLessThan(0.002);
  expect(Math.min(...values.slice(0, 1000))).toBeGreaterThanOrEqual(0);
});

test("gaussian draws have the first four moments of N(0, 1)", () => {
  const values = [...new SeededRandom(3).gaussians(100_000)];
  const moment = (k: number) => values.reduce((sum, x) => sum + x ** k, 0) / values.length;
  expect(Math.abs(moment(1))).toBeLessThan(0.015);
  expect(Math.abs(moment(2) - 1)).toBeLessThan(0.02);
  expect(Math.abs(moment(3))).toBeLessThan(0.05);
  expect(Math.abs(moment(4) - 3)).toBeLessThan(0.12);
});

test.each([-1, 0.5, 2 ** 53, Number.NaN])("seed %d is refused by name", (seed) => {
  expect(() => new SeededRandom(seed)).toThrow(`received ${seed}`);
});
