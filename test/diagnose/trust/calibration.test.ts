import fc from "fast-check";
import { expect, test } from "vitest";
import {
  calibratedTrust,
  parseCalibration,
  type TrustCalibration,
} from "../../../src/diagnose/trust/calibration.js";

const calibration: TrustCalibration = {
  schemaVersion: 1,
  model: { id: "m", dtype: "fp32", hash: "h" },
  data: { name: "d", captions: 2, objects: 3, invented: 1 },
  wording: "Is there a {object}?",
  elementPrompt: "What?",
  noiseStep: 500,
  bias: 2,
  signals: [
    { name: "verification", mean: -4, sd: 2, weight: -3 },
    { name: "baseRank", mean: 1, sd: 1, weight: 0.5 },
  ],
  threshold: 0.4,
  kept: 95,
};

test("signals are standardised on their scale, weighed, and summed", () => {
  const { trust, contributions } = calibratedTrust(calibration, { verification: 0, baseRank: 3 });
  expect(contributions[0]).toEqual({ name: "verification", logOdds: -6, isPlain: true });
  expect(contributions[1]!.logOdds).toBeCloseTo(0.5 * (Math.log(4) - 1), 12);
  expect(trust).toBeCloseTo(1 / (1 + Math.exp(-(2 - 6 + 0.5 * (Math.log(4) - 1)))), 12);
});

test("what could not be read counts as average", () => {
  const average = calibratedTrust(calibration, { verification: -4, baseRank: Math.E - 1 });
  expect(calibratedTrust(calibration, { verification: null }).trust).toBeCloseTo(average.trust, 12);
});

test("trust is a probability, and falls as a signal speaks against it", () => {
  const value = fc.double({ min: -1e3, max: 1e3, noNaN: true });
  fc.assert(
    fc.property(value, value, fc.nat(1e5), (a, b, baseRank) => {
      const [low, high] = [a, b].map(
        (verification) => calibratedTrust(calibration, { verification, baseRank }).trust,
      ) as [number, number];
      expect(low).toBeGreaterThanOrEqual(0);
      expect(low).toBeLessThanOrEqual(1);
      if (a < b) expect(low).toBeGreaterThanOrEqual(high);
    }),
  );
});

test("a file is read as it was written; what is none is told with its place", () => {
  const text = JSON.stringify(calibration);
  expect(parseCalibration(text, "trust.json")).toEqual(calibration);
  const broken = (change: object) => () =>
    parseCalibration(JSON.stringify({ ...calibration, ...change }), "trust.json");
  expect(() => parseCalibration("{", "trust.json")).toThrow("trust.json: no JSON");
  expect(broken({ threshold: 2 })).toThrow("trust.json: threshold");
  expect(broken({ signals: [] })).toThrow("trust.json: signals");
  expect(broken({ signals: [{ name: "luck", mean: 0, sd: 1, weight: 1 }] })).toThrow(
    "signals.0.name",
  );
  expect(broken({ signals: [{ name: "entropy", mean: 0, sd: 0, weight: 1 }] })).toThrow(
    "signals.0.sd",
  );
  expect(broken({ schemaVersion: 2 })).toThrow("schemaVersion");
  expect(broken({ more: 1 })).toThrow("more");
});
