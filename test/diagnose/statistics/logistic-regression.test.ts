import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  logisticProbability,
  logisticRegression,
} from "../../../src/diagnose/statistics/logistic-regression.js";

interface Golden {
  readonly cases: readonly {
    readonly rows: number[][];
    readonly labels: boolean[];
    readonly l2: number;
    readonly bias: number;
    readonly weights: number[];
  }[];
}

const golden = JSON.parse(
  readFileSync(new URL("../../golden/logistic.json", import.meta.url), "utf8"),
) as Golden;

test.each(golden.cases)("case %# is fitted as scikit-learn does", (given) => {
  const { bias, weights } = logisticRegression(given.rows, given.labels, given.l2);
  expect(bias).toBeCloseTo(given.bias, 4);
  weights.forEach((weight, j) => {
    expect(weight).toBeCloseTo(given.weights[j]!, 4);
  });
});

describe("without information", () => {
  test("predicts the share of the true", () => {
    const rows = [[0], [0], [0], [0]];
    const model = logisticRegression(rows, [true, true, true, false]);
    expect(model.weights).toEqual([0]);
    expect(logisticProbability(model, [0])).toBeCloseTo(0.75, 8);
  });
});

test("far away classes do not overflow", () => {
  const model = logisticRegression([[-1e6], [1e6]], [false, true]);
  expect(logisticProbability(model, [1e6])).toBeGreaterThan(0.9);
  expect(logisticProbability(model, [-1e6])).toBeLessThan(0.1);
});

test("says what is wrong with data", () => {
  expect(() => logisticRegression([[1], [2]], [true, true])).toThrow("rows of both");
  expect(() => logisticRegression([[1], [2, 3]], [true, false])).toThrow("rows of one length");
  expect(() => logisticRegression([[1]], [true, false])).toThrow("one for each row");
  expect(() => logisticRegression([[1], [2]], [true, false], 0)).toThrow("above 0");
});
