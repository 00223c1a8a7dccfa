import { describe, expect, test } from "vitest";
import type { Counts, Metric } from "../../../src/eval/contract/benchmark.js";
import { ratio } from "../../../src/eval/metrics/ratio.js";
import { compareMethods } from "../../../src/eval/statistics/compare-methods.js";
import { metricIntervals } from "../../../src/eval/statistics/metric-intervals.js";
import { pairedBootstrap } from "../../../src/eval/statistics/paired-bootstrap.js";
import { fewImagesWarning } from "../../../src/eval/statistics/unvaried.js";
import { SeededRandom } from "../../../src/math/seeded-random.js";
import { accuracy, simulate } from "./simulated.js";

const alike = (images: number, correct: number, asked = 1): Counts[] =>
  Array.from({ length: images }, () => ({ correct, asked }));
const points: Metric = { ...accuracy, unit: "points" };
const percent: Metric = {
  ...accuracy,
  unit: "percent",
  of: (c) => ratio(c.correct ?? 0, c.asked ?? 0, "none", 100),
};

describe("an interval is never without width", () => {
  test("all right and none right: the interval of Clopper and Pearson over images", () => {
    const all = metricIntervals(alike(10, 1), [accuracy]).accuracy;
    expect(all?.low).toBeCloseTo(0.6915, 4);
    expect(all?.high).toBe(1);
    const none = metricIntervals(alike(10, 0), [accuracy]).accuracy;
    expect(none?.low).toBe(0);
    expect(none?.high).toBeCloseTo(0.3085, 4);
    expect(metricIntervals(alike(10, 1), [percent]).accuracy?.low).toBeCloseTo(69.15, 2);
  });

  test("every image half right: others need not be", () => {
    const half = metricIntervals(alike(10, 3, 6), [accuracy]).accuracy;
    expect(half?.low).toBeCloseTo(0.5 - 0.5 * 0.3085, 4);
    expect(half?.high).toBeCloseTo(0.5 + 0.5 * 0.3085, 4);
  });

  test("images that the metric does not exist on do not count", () => {
    const rare = [...alike(1, 1), ...alike(200, 0, 0)];
    expect(metricIntervals(rare, [accuracy]).accuracy?.low).toBeCloseTo(0.025, 6);
  });

  test("a unit without ends has no interval where nothing varies", () => {
    expect(metricIntervals(alike(10, 3), [points])).toEqual({ accuracy: null });
    expect(pairedBootstrap(alike(10, 3), alike(10, 2), points)?.interval).toBeNull();
  });
});

test("two images that a method gains are no proof, ten are", () => {
  const clusters = (images: number, correct: number) =>
    new Map(alike(images, correct).map((counts, i) => [String(i), counts]));
  const compared = (images: number, metric = accuracy) =>
    compareMethods(
      [{ method: "vcd", clusters: clusters(images, 1), right: null }],
      { method: "regular", clusters: clusters(images, 0), right: null },
      metric,
    )[0];
  expect(compared(2)).toMatchObject({ difference: 1, pValue: 0.5, shown: false });
  expect(compared(10)).toMatchObject({ difference: 1, shown: true });
  expect(compared(10, points)).toMatchObject({ interval: null, shown: false });
});

test("images on which a metric says nothing do not make an interval narrower", () => {
  const silent = alike(15, 0, 0);
  const widthOf = (...clusters: Counts[]) => {
    const { low, high } = pairedBootstrap(clusters, clusters, accuracy)!.interval!;
    return high - low;
  };
  expect(widthOf(...alike(3, 1), ...silent)).toBe(widthOf(...alike(3, 1)));
  expect(widthOf(...alike(3, 1))).toBeGreaterThan(widthOf(...alike(18, 1)));
});

test("readers are told below 20 images", () => {
  expect(fewImagesWarning(1)).toMatch(/^only 1 image: below 20/);
  expect(fewImagesWarning(19)).toMatch(/^only 19 images/);
  expect(fewImagesWarning(20)).toBeNull();
});

/** Share of experiments whose interval holds the truth; every image has one question. */
function coverage(p: number, images: number, experiments = 200): number {
  const random = new SeededRandom(images + 1000 * p);
  let covered = 0;
  for (let experiment = 0; experiment < experiments; experiment++) {
    const clusters = Array.from({ length: images }, () => ({
      correct: random.uniform() < p ? 1 : 0,
      asked: 1,
    }));
    const options = { resamples: 400, seed: experiment };
    const { low, high } = metricIntervals(clusters, [accuracy], options).accuracy!;
    if (low <= p && p <= high) covered++;
  }
  return covered / experiments;
}

test.each([0, 0.02, 0.98, 1])("truth %d is held with 8, 20 and 100 images", (p) => {
  for (const images of [8, 20, 100]) {
    expect(coverage(p, images), `${images} images`).toBeGreaterThan(0.9);
  }
});

test("two equal methods on 8 images differ at 5% in at most 5% of experiments", () => {
  const random = new SeededRandom(5);
  let found = 0;
  for (let experiment = 0; experiment < 400; experiment++) {
    const [a, b] = simulate(random, { images: 8, questions: 6, methods: [0.7, 0.7] });
    const options = { resamples: 400, seed: experiment };
    const difference = pairedBootstrap(a?.clusters ?? [], b?.clusters ?? [], accuracy, options);
    if ((difference?.pValue ?? 1) <= 0.05) found++;
  }
  expect(found / 400).toBeLessThanOrEqual(0.05);
});
