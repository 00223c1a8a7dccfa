import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { benchmarkNamed } from "../../../src/eval/benchmarks/registry.js";
import type { Counts, Metric } from "../../../src/eval/contract/benchmark.js";
import { atOnce } from "../../../src/eval/data/turns.js";
import { addCounts } from "../../../src/eval/metrics/add-counts.js";
import {
  compareMethods,
  comparePair,
  type MethodResults,
} from "../../../src/eval/statistics/compare-methods.js";
import { jointIntervals, metricIntervals } from "../../../src/eval/statistics/metric-intervals.js";
import { SeededRandom } from "../../../src/math/seeded-random.js";
import { accuracy } from "./simulated.js";

const mme = benchmarkNamed("mme");
const metricOf = (name: string): Metric => mme.metrics.find((one) => one.name === name)!;
const scores = mme.metrics.filter(({ unit }) => unit === "points");

/** An image of a category with so many of its two questions right. */
function image(category: string, right: number): Counts {
  const both = right === 2 ? 1 : 0;
  return {
    asked: 2,
    correct: right,
    images: 1,
    imagesCorrect: both,
    [`${category}.asked`]: 2,
    [`${category}.correct`]: right,
    [`${category}.images`]: 1,
    [`${category}.imagesCorrect`]: both,
  };
}
const images = (category: string, ...right: number[]) => right.map((one) => image(category, one));

describe("sums over categories", () => {
  const many = Array.from({ length: 30 }, (_, i) => (i % 3 === 0 ? 1 : 2));

  test("one image of a category says nothing of others: sums with it have no interval", () => {
    const clusters = [...images("existence", ...many), ...images("OCR", 2)];
    const intervals = metricIntervals(clusters, mme.metrics);
    for (const name of ["score", "perception_score"]) expect(intervals[name], name).toBeNull();
    for (const name of ["hallucination_score", "existence_score", "accuracy"]) {
      expect(intervals[name], name).not.toBeNull();
    }
    expect(metricIntervals(images("OCR", 2), scores).score).toBeNull();
  });

  test("no draw lacks a category: an interval lies around its value, however few images there are", () => {
    const rights = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 2, maxLength: 5 });
    const names = ["existence", "OCR", "code_reasoning"];
    fc.assert(
      fc.property(fc.tuple(rights, rights, rights), (rows) => {
        const clusters = rows.flatMap((row, i) => images(names[i]!, ...row));
        const intervals = metricIntervals(clusters, scores, { resamples: 400 });
        for (const metric of scores) {
          const { value } = metric.of(addCounts(clusters));
          const interval = intervals[metric.name];
          if (value === null || interval == null) continue;
          expect(interval.low).toBeLessThanOrEqual(value);
          expect(interval.high).toBeGreaterThanOrEqual(value);
        }
      }),
      { numRuns: 40 },
    );
  });

  test("with three images of each part they hold the truth in more than 90% of experiments", () => {
    // Drawn as many as there are, not one fewer, they would in 86%.
    const parts = Array.from({ length: 16 }, (_, i) => ({ name: `${i}`, p: 0.2 + 0.04 * i }));
    const sum: Metric = {
      ...accuracy,
      unit: "points",
      of: (c) => ({
        value: parts.reduce((all, { name }) => all + c[name]! / c[`asked ${name}`]!, 0),
      }),
      stratum: (c) => Object.keys(c)[0]!,
    };
    const truth = parts.reduce((all, { p }) => all + p, 0);
    const random = new SeededRandom(21);
    const experiments = 300;
    let covered = 0;
    for (let seed = 0; seed < experiments; seed++) {
      const clusters = parts.flatMap(({ name, p }) =>
        [p, p, p].map((chance) => ({
          [name]: (random.uniform() < chance ? 0.5 : 0) + (random.uniform() < chance ? 0.5 : 0),
          [`asked ${name}`]: 1,
        })),
      );
      const { low, high } = metricIntervals(clusters, [sum], { resamples: 200, seed }).accuracy!;
      if (low <= truth && truth <= high) covered++;
    }
    expect(covered / experiments).toBeGreaterThan(0.9);
    expect(covered / experiments).toBeLessThan(0.98);
  });

  test("two methods differ by no more than chance where a category has one image", () => {
    const results = (method: string, right: number, alone: readonly number[]): MethodResults => {
      const all = [...images("existence", ...many.map(() => right)), ...images("OCR", ...alone)];
      return { method, clusters: new Map(all.map((one, i) => [String(i), one])), right: null };
    };
    const compared = (...alone: number[]) =>
      compareMethods(
        [results("vcd", 2, alone)],
        results("regular", 1, alone),
        metricOf("hallucination_score"),
      )[0];
    // What OCR has does not count for hallucination.
    expect(compared(2)).toMatchObject({ difference: 150, pValue: expect.closeTo(0.001, 3) });
    const [all] = compareMethods(
      [results("vcd", 2, [2])],
      results("regular", 1, [2]),
      metricOf("score"),
    );
    expect(all).toMatchObject({ difference: 150, interval: null, pValue: 1, shown: false });
  });
});

describe("work is done once", () => {
  const clusters = Array.from({ length: 50 }, (_, i) => ({ correct: i % 3, asked: 3 }));
  const likes = clusters.map((_, i) => ({ correct: i % 2, asked: 1 }));
  const metrics = [accuracy];

  test("two kinds of counts of the same images share their draws", () => {
    const apart = [clusters, likes].map((counts) => metricIntervals(counts, metrics));
    const drawn = vi.spyOn(SeededRandom.prototype, "integer");
    const joint = atOnce(
      jointIntervals([
        { clusters, metrics },
        { clusters: likes, metrics },
      ]),
    );
    expect(drawn).toHaveBeenCalledTimes(2000 * clusters.length);
    drawn.mockRestore();
    expect(joint).toEqual(apart);
  });

  test("images that differ are counted once, by McNemar's test as by the bootstrap", () => {
    let computed = 0;
    const counting: Metric = {
      ...accuracy,
      of: (counts) => {
        computed++;
        return accuracy.of(counts);
      },
    };
    const results = (method: string, rows: readonly Counts[], single: boolean): MethodResults => ({
      method,
      clusters: new Map(rows.map((counts, i) => [String(i), counts])),
      right: single ? new Map(rows.map((counts, i) => [String(i), counts.correct === 1])) : null,
    });
    const costOf = (single: boolean) => {
      computed = 0;
      const [found] = atOnce(
        comparePair(results("vcd", likes, single), results("regular", likes.toReversed(), single), [
          counting,
        ]),
      );
      return { test: found?.test, computed };
    };
    const bootstrap = costOf(false);
    expect(costOf(true)).toEqual({ test: "McNemar (mid-p)", computed: bootstrap.computed });
  });
});
