import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InvalidArgumentError } from "../../../src/errors.js";
import { atOnce } from "../../../src/eval/data/turns.js";
import {
  drawClusters,
  percentileInterval,
} from "../../../src/eval/statistics/cluster-bootstrap.js";
import { holm } from "../../../src/eval/statistics/holm.js";
import { mcnemar } from "../../../src/eval/statistics/mcnemar.js";
import {
  jointIntervalsInTurns,
  metricIntervals,
} from "../../../src/eval/statistics/metric-intervals.js";
import { pairedBootstrap } from "../../../src/eval/statistics/paired-bootstrap.js";
import { seedSpread } from "../../../src/eval/statistics/seed-spread.js";
import { accuracy } from "./simulated.js";

describe("McNemar, mid-p", () => {
  test.each([
    [0, 0, 1],
    [5, 5, 1],
    // 2 (1 + 10 + 45 / 2) / 2^10
    [2, 8, 0.0654296875],
    // 2 (1 / 2) / 2^5
    [0, 5, 0.03125],
    // Fagerland et al. 2013, table 1 and 5: 1 against 7, mid-p 0.039
    [1, 7, 0.0390625],
  ])("%d against %d: p = %d", (b, c, p) => {
    expect(mcnemar(b, c)).toBeCloseTo(p, 10);
    expect(mcnemar(c, b)).toBeCloseTo(p, 10);
  });

  test("holds for counts whose binomials overflow", () => {
    expect(mcnemar(5000, 5000)).toBe(1);
    expect(mcnemar(4900, 5100)).toBeCloseTo(0.0455, 3);
  });

  test("refuses what is no count", () => {
    expect(() => mcnemar(-1, 2)).toThrow(InvalidArgumentError);
    expect(() => mcnemar(1.5, 2)).toThrow(InvalidArgumentError);
  });
});

describe("Holm", () => {
  test("hand-worked: .01 .04 .03 .005 becomes .03 .06 .06 .02", () => {
    const adjusted = holm([0.01, 0.04, 0.03, 0.005]);
    for (const [i, p] of [0.03, 0.06, 0.06, 0.02].entries()) expect(adjusted[i]).toBeCloseTo(p, 12);
  });

  test("never below the p-value, at most 1, keeps the order", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 9 }), (ps) => {
        const adjusted = holm(ps);
        for (const [i, p] of ps.entries()) {
          expect(adjusted[i]).toBeGreaterThanOrEqual(p);
          expect(adjusted[i]).toBeLessThanOrEqual(1);
          for (const [j, q] of ps.entries()) {
            if (p < q) expect(adjusted[i]).toBeLessThanOrEqual(adjusted[j]!);
          }
        }
      }),
    );
  });

  test("refuses what is no probability", () => {
    expect(() => holm([0.1, Number.NaN])).toThrow(InvalidArgumentError);
  });
});

describe("intervals", () => {
  const clusters = Array.from({ length: 40 }, (_, i) => ({
    correct: (i * i) % 7,
    asked: 7 + (i % 3),
  }));

  test("percentiles by linear interpolation", () => {
    const values = Array.from({ length: 101 }, (_, i) => i);
    expect(percentileInterval(values, 0.9)?.low).toBeCloseTo(5, 10);
    expect(percentileInterval(values, 0.9)?.high).toBeCloseTo(95, 10);
    expect(percentileInterval([], 0.9)).toBeNull();
  });

  test("drawn in turns they are the same, and others run meanwhile", async () => {
    const clusters = Array.from({ length: 5000 }, (_, i) => ({ correct: i % 3, asked: 3 }));
    let others = 0;
    const timer = setInterval(() => others++, 1);
    const [drawn] = await jointIntervalsInTurns([{ clusters, metrics: [accuracy] }]);
    clearInterval(timer);
    expect(drawn).toEqual(metricIntervals(clusters, [accuracy]));
    expect(others).toBeGreaterThan(0);
  });

  test("the same seed gives the same interval, another seed another", () => {
    const one = metricIntervals(clusters, [accuracy], { seed: 1 });
    expect(metricIntervals(clusters, [accuracy], { seed: 1 })).toEqual(one);
    expect(metricIntervals(clusters, [accuracy], { seed: 2 })).not.toEqual(one);
  });

  test("an undefined metric has no interval", () => {
    expect(metricIntervals([{ correct: 0, asked: 0 }], [accuracy])).toEqual({ accuracy: null });
  });

  test("a method compared with itself: difference 0, p = 1; 40 images do not say it of all others", () => {
    const found = pairedBootstrap(clusters, clusters, accuracy);
    expect(found).toMatchObject({ difference: 0, pValue: 1 });
    // 1 - 0.025^(1 / 40)
    expect(found?.interval?.low).toBeCloseTo(-0.0881, 4);
    expect(found?.interval?.high).toBeCloseTo(0.0881, 4);
  });

  test("wrong use", () => {
    expect(() => pairedBootstrap(clusters, clusters.slice(1), accuracy)).toThrow(/same ones/);
    const draws = drawClusters([clusters], () => {}, { resamples: 10 });
    expect(() => atOnce(draws)).toThrow(/at least 100/);
    expect(() => percentileInterval([1], 1)).toThrow(/level: received 1/);
  });
});

test("the seeds' spread", () => {
  expect(seedSpread([1, 2, 3])).toEqual({
    seeds: 3,
    min: 1,
    max: 3,
    mean: 2,
    standardDeviation: 1,
  });
  expect(seedSpread([4])?.standardDeviation).toBeNull();
  expect(seedSpread([])).toBeNull();
});
