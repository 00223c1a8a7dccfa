import { expect, test } from "vitest";
import { calibratedTrust } from "../../../src/diagnose/trust/calibration.js";
import { fitCalibration, type KnownPhrase } from "../../../src/diagnose/trust/fit-calibration.js";
import { SeededRandom } from "../../../src/math/seeded-random.js";

/** Verification tells what is there but for one in twenty; entropy says nothing. */
function phrases(n: number, seed: number): KnownPhrase[] {
  const random = new SeededRandom(seed, "phrases");
  return Array.from({ length: n }, () => {
    const isThere = random.uniform() < 0.8;
    const says = random.uniform() < 0.95 ? isThere : !isThere;
    const signals = { verification: (says ? -3 : 3) + random.uniform(), entropy: random.uniform() };
    return { isThere, signals };
  });
}

const FIT = { signals: ["verification", "entropy"], kept: 95 } as const;

test("what tells what is there counts, what does not does not", () => {
  const { signals } = fitCalibration(phrases(400, 1), FIT);
  const [verification, entropy] = signals;
  expect(verification!.weight).toBeLessThan(-1);
  expect(Math.abs(entropy!.weight)).toBeLessThan(0.5);
});

test("the threshold keeps the asked share of what is there, also of what it was not fitted on", () => {
  const fitted = fitCalibration(phrases(400, 1), { ...FIT, kept: 90 });
  for (const [seed, tolerance] of [
    [1, 0.01],
    [2, 0.06],
  ] as const) {
    const there = phrases(400, seed).filter(({ isThere }) => isThere);
    const kept = there.filter(
      ({ signals }) => calibratedTrust(fitted, signals).trust >= fitted.threshold,
    );
    expect(Math.abs(kept.length / there.length - 0.9)).toBeLessThan(tolerance);
  }
});

test("predicted shares are those that are observed", () => {
  const known = phrases(2000, 3);
  const fitted = fitCalibration(known, FIT);
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const predicted = mean(known.map(({ signals }) => calibratedTrust(fitted, signals).trust));
  expect(predicted).toBeCloseTo(mean(known.map(({ isThere }) => Number(isThere))), 3);
});

test("phrases without a signal do not count; too few are refused", () => {
  const known = phrases(100, 1);
  const odd = { isThere: true, signals: { verification: null, entropy: 1 } };
  const { threshold: _, ...fitted } = fitCalibration([...known, odd], FIT);
  expect(fitCalibration(known, FIT)).toMatchObject(fitted);
  expect(() => fitCalibration([odd], FIT)).toThrow("received 0 objects");
  const there = known.filter(({ isThere }) => isThere);
  expect(() => fitCalibration(there, FIT)).toThrow("0 of them invented");
});

test("a signal that never varies adds nothing", () => {
  const known = phrases(100, 1).map(({ isThere, signals }) => ({
    isThere,
    signals: { ...signals, entropy: 0.3 },
  }));
  const { signals } = fitCalibration(known, FIT);
  expect(signals[1]).toEqual({
    name: "entropy",
    mean: expect.closeTo(0.3, 12),
    sd: 1,
    weight: expect.closeTo(0, 9),
  });
});
