/** Against SciPy and scikit-learn (test/peers/make-statistics.py), and by hand. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { auroc } from "../../../src/diagnose/statistics/auroc.js";
import {
  expectedCalibrationError,
  reliability,
} from "../../../src/diagnose/statistics/calibration.js";
import {
  clusterEstimate,
  differenceEstimate,
  mean,
  meanEstimate,
  shareDifference,
  shareEstimate,
} from "../../../src/diagnose/statistics/cluster-estimate.js";
import { rankTest } from "../../../src/diagnose/statistics/rank-test.js";
import { SeededRandom } from "../../../src/math/seeded-random.js";
import golden from "../../golden/statistics.json" with { type: "json" };

describe("ranks", () => {
  test.each(golden.ranks)("AUROC and rank test, case %#", ({ scores, labels, ...expected }) => {
    expect(auroc(scores, labels)).toBeCloseTo(expected.auroc, 12);
    const of = (label: boolean) => scores.filter((_, i) => labels[i] === label);
    const { u, p } = rankTest(of(true), of(false))!;
    expect(u).toBe(expected.u);
    expect(Math.abs(p / expected.p - 1)).toBeLessThan(1e-6);
  });

  test("have nothing to say of one class, or of values that are all equal", () => {
    expect(auroc([1, 2], [true, true])).toBeNull();
    expect(auroc([3, 3], [true, false])).toBe(0.5);
    expect(rankTest([1, 1], [1, 1, 1])).toBeNull();
    expect(rankTest([], [1, 2])).toBeNull();
  });

  test("do not depend on the scale of scores, and turn round with their sign", () => {
    const scored = fc.array(fc.tuple(fc.integer({ min: -9, max: 9 }), fc.boolean()), {
      minLength: 1,
    });
    fc.assert(
      fc.property(scored, (pairs) => {
        const labels = pairs.map(([, label]) => label);
        const areaOf = (change: (score: number) => number) =>
          auroc(
            pairs.map(([score]) => change(score)),
            labels,
          );
        const area = areaOf((score) => score);
        expect(areaOf(Math.exp)).toBe(area);
        const turned = areaOf((score) => -score);
        if (area === null) expect(turned).toBeNull();
        else expect(turned).toBeCloseTo(1 - area, 12);
      }),
    );
  });
});

describe("calibration", () => {
  const { predicted, came, bins, error } = golden.calibration;

  test("bins and expected error", () => {
    reliability(predicted, came).forEach((bin, i) => {
      const [n, predictedMean, observed] = bins[i]!;
      expect(bin.n).toBe(n);
      expect(bin.predicted).toBeCloseTo(predictedMean!, 12);
      expect(bin.observed).toBeCloseTo(observed!, 12);
    });
    expect(expectedCalibrationError(predicted, came)).toBeCloseTo(error, 12);
  });

  test("knows no probability outside of 0 to 1, and no error of nothing", () => {
    expect(() => reliability([0.2, 1.2], [true, true])).toThrow("received 1.2");
    expect(() => reliability([Number.NaN], [true])).toThrow("received NaN");
    expect(expectedCalibrationError([], [])).toBeNull();
  });
});

describe("intervals over images", () => {
  const items = Array.from({ length: 40 }, (_, i) => ({ image: `${i >> 2}`, value: i % 4 }));
  const imageOf = ({ image }: { image: string }) => image;

  test("draw whole images: alike in each, nothing varies, and nothing is told of the ends", () => {
    const together = meanEstimate(items, imageOf, ({ value }) => value);
    expect(together).toEqual({ value: 1.5, low: null, high: null, n: 40 });
    const apart = meanEstimate(
      items,
      ({ value, image }) => `${image} ${value}`,
      ({ value }) => value,
    );
    expect(apart.low).toBeLessThan(1.4);
    expect(apart.high).toBeGreaterThan(1.6);
  });

  test("of a difference leave out what images have in common", () => {
    const after = items.map((item) => ({ ...item, value: item.value + Number(item.image) }));
    const before = items.map((item) => ({ ...item, value: Number(item.image) }));
    const numberOf = ({ value }: { value: number }) => value;
    const paired = differenceEstimate(before, after, imageOf, numberOf);
    expect(paired).toEqual({ value: 1.5, low: null, high: null, n: 80 });
    const elsewhere = after.map((item) => ({ ...item, image: `other ${item.image}` }));
    const apart = differenceEstimate(before, elsewhere, imageOf, numberOf);
    expect(apart.value).toBe(1.5);
    expect(apart.low).toBeLessThan(0);
    expect(apart.high).toBeGreaterThan(3);
    expect(differenceEstimate([], after, imageOf, numberOf).value).toBeNull();
  });

  test("of shares that do not differ in 10 images allow for the images that were not seen", () => {
    const isHit = ({ value }: { value: number }) => value > 1;
    const none = shareDifference(items, items, imageOf, isHit);
    // Clopper and Pearson's bound of 0 in 10 images: 1 - 0.025^(1/10).
    expect(none.value).toBe(0);
    expect(none.low).toBeCloseTo(-30.85, 2);
    expect(none.high).toBeCloseTo(30.85, 2);
    const always = shareDifference(items, items, imageOf, () => true);
    expect(always.high).toBeCloseTo(30.85, 2);
    const elsewhere = items.slice(0, 8).map((item) => ({ ...item, image: `other ${item.image}` }));
    const all = shareDifference(
      [...items, ...elsewhere].filter(({ image }) => image.startsWith("other")),
      items.map((item) => ({ ...item, value: 3 })),
      imageOf,
      ({ value }) => value === 3,
    );
    expect(all.value).toBe(75);
    expect([all.low! < 0, all.high]).toEqual([true, expect.closeTo(96.05, 2)]);
  });

  test("hold the true mean in some 95 of 100 samples", () => {
    const held = Array.from({ length: 200 }, (_, seed) => {
      const random = new SeededRandom(seed, "sample");
      const drawn = Array.from({ length: 30 }, (__, i) => ({
        image: `${i}`,
        value: random.gaussian(),
      }));
      const { low, high } = meanEstimate(drawn, imageOf, ({ value }) => value, {
        resamples: 200,
        seed,
      });
      return low! <= 0 && high! >= 0;
    });
    const share = held.filter(Boolean).length / held.length;
    expect(share).toBeGreaterThan(0.88);
    expect(share).toBeLessThan(0.99);
  });

  test("are none of one image, and evaluation's where a share is 0 or 1", () => {
    expect(meanEstimate(items.slice(0, 4), imageOf, ({ value }) => value).low).toBeNull();
    const none = shareEstimate(items, imageOf, () => false);
    expect(none).toMatchObject({ value: 0, low: 0, n: 40 });
    expect(none.high).toBeGreaterThan(20);
    expect(() => clusterEstimate(items, imageOf, () => 1, { resamples: 3 })).toThrow("resamples");
    expect(mean([])).toBeNull();
  });
});
