import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Counts } from "../../../src/eval/contract/benchmark.js";
import { atOnce } from "../../../src/eval/data/turns.js";
import { ratioMetric } from "../../../src/eval/metrics/ratio-metric.js";
import { tradeOffDifference } from "../../../src/eval/statistics/trade-off.js";
import { SeededRandom } from "../../../src/math/seeded-random.js";

const info = { unit: "percent", undefinedReason: "none" } as const;
const tradeOff = {
  recall: ratioMetric({
    ...info,
    name: "recall",
    title: "Recall",
    better: "higher",
    part: "found",
    whole: "present",
  }),
  hallucination: ratioMetric({
    ...info,
    name: "chair_i",
    title: "CHAIR_i",
    better: "lower",
    part: "hallucinated",
    whole: "mentions",
  }),
};
const counts = (found: number, hallucinated: number, present = 10): Counts => ({
  found,
  present,
  hallucinated,
  mentions: found + hallucinated,
});
const difference = (method: Counts, ...baselines: Counts[]) =>
  atOnce(
    tradeOffDifference(
      [method],
      baselines.map((one) => [one]),
      tradeOff,
    ),
  );

describe("a method beside trivial baselines", () => {
  const [short, whole] = [counts(2, 0), counts(6, 4)];

  test("hand-worked: at half the way, half of the captions by either baseline", () => {
    // Recall 40%: 4 found, 2 invented of 6 named, 33.3%; the method has 1 of 5, 20%.
    const found = difference(counts(4, 1), short, whole);
    expect(found?.recall).toBe(40);
    expect(found?.baseline).toBeCloseTo(100 / 3, 10);
    expect(found?.difference).toBeCloseTo(20 - 100 / 3, 10);
  });

  test("the baselines' own points differ by nothing", () => {
    for (const one of [short, whole]) expect(difference(one, short, whole)?.difference).toBe(0);
  });

  test("below the lowest recall and above the highest the nearest baseline stands in", () => {
    expect(difference(counts(1, 1), short, whole)).toMatchObject({ baseline: 0, difference: 50 });
    expect(difference(counts(9, 1), short, whole)).toMatchObject({ baseline: 40, difference: -30 });
  });

  test("of baselines with the same recall the one that invents least counts", () => {
    expect(difference(counts(6, 4), whole, counts(6, 2))).toMatchObject({
      baseline: 25,
      difference: 15,
    });
  });

  test("undefined where nothing is named or nothing is there", () => {
    expect(difference(counts(0, 0), short, whole)).toBeNull();
    expect(difference(counts(0, 1, 0), short, whole)).toBeNull();
    expect(difference(short, counts(0, 0))).toBeNull();
  });

  test("neither the order of images nor that of baselines matters", () => {
    const some = fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 }));
    const images = fc.array(fc.tuple(some, some, some), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(images, (rows) => {
        const of = (index: 0 | 1 | 2, from: typeof rows) =>
          from.map((row) => counts(...row[index]));
        const valuesOf = (from: typeof rows, first: 1 | 2, second: 1 | 2) => {
          const baselines = [of(first, from), of(second, from)];
          return atOnce(tradeOffDifference(of(0, from), baselines, tradeOff, { resamples: 100 }));
        };
        const plain = valuesOf(rows, 1, 2);
        for (const other of [valuesOf(rows.toReversed(), 1, 2), valuesOf(rows, 2, 1)]) {
          expect(other?.difference ?? null).toEqual(
            plain === null ? null : expect.closeTo(plain.difference, 8),
          );
        }
        for (const end of [plain?.interval?.low ?? 0, plain?.interval?.high ?? 0]) {
          expect(Math.abs(end)).toBeLessThanOrEqual(100);
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe("by simulation", () => {
  const IMAGES = 120;
  const EXPERIMENTS = 500;

  /** Captions of a model, the same cut, and a mixture of both that invents less by a chance. */
  function simulate(random: SeededRandom, better: number) {
    const whole: Counts[] = [];
    const cut: Counts[] = [];
    const method: Counts[] = [];
    const times = (n: number, chance: number) =>
      Array.from({ length: n }, () => random.uniform() < chance).filter(Boolean).length;
    for (let image = 0; image < IMAGES; image++) {
      const ease = 0.4 + 0.4 * random.uniform();
      const [found, invented] = [times(5, ease), times(3, 0.4)];
      const [early, earlyInvented] = [times(found, 0.6), times(invented, 0.3)];
      whole.push(counts(found, invented, 5));
      cut.push(counts(early, earlyInvented, 5));
      const [mixed, mixedInvented] =
        random.uniform() < 0.5 ? [found, invented] : [early, earlyInvented];
      method.push(counts(mixed, mixedInvented - times(mixedInvented, better), 5));
    }
    return atOnce(tradeOffDifference(method, [cut, whole], tradeOff, { resamples: 200 }));
  }

  test("a method that only cuts some captions is told apart in about 5% of experiments", () => {
    const random = new SeededRandom(11);
    let told = 0;
    let held = 0;
    for (let experiment = 0; experiment < EXPERIMENTS; experiment++) {
      const found = simulate(random, 0)!;
      if (found.pValue <= 0.05) told++;
      if (found.interval!.low <= 0 && 0 <= found.interval!.high) held++;
    }
    expect(told / EXPERIMENTS).toBeGreaterThan(0.02);
    expect(told / EXPERIMENTS).toBeLessThan(0.08);
    expect(held / EXPERIMENTS).toBeGreaterThan(0.92);
    expect(held / EXPERIMENTS).toBeLessThan(0.98);
  });

  test("a method that invents 40% less besides is told apart in most", () => {
    const random = new SeededRandom(12);
    let told = 0;
    for (let experiment = 0; experiment < 100; experiment++) {
      const found = simulate(random, 0.4)!;
      if (found.pValue <= 0.05 && found.difference < 0) told++;
    }
    expect(told).toBeGreaterThan(80);
  });
});
