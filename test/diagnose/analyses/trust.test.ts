/** The report of detection, on objects whose trust is known. */
import { expect, test } from "vitest";
import {
  againstLiterature,
  reportTrust,
  type ScoredObject,
} from "../../../src/diagnose/analyses/trust-report.js";
import { POCKET_CALIBRATION } from "../../../src/diagnose/trust/pocket-calibration.js";

const calibration = { ...POCKET_CALIBRATION, threshold: 0.5, kept: 95 };
const object = (image: string, isThere: boolean, verification: number, trust: number) =>
  ({ image, isThere, signals: { verification, entropy: null }, trust }) satisfies ScoredObject;
const OBJECTS = ["a", "b", "c", "d"].flatMap((image, i) => [
  object(image, true, -4 + i, 0.9),
  object(image, true, -3, 0.8),
  object(image, false, 2 - i, i === 3 ? 0.7 : 0.1),
]);
const report = (objects: readonly ScoredObject[], given: typeof calibration | null) =>
  reportTrust([{ name: "captions", captions: 4, objects }], given, { seed: 0, inSample: false });

test("tells each signal's AUROC, what the threshold keeps and catches, and draws both", () => {
  const { n, table, findings, plots } = report(OBJECTS, calibration);
  expect(n).toBe(4);
  // Of 32 pairs of an invented and a true object one is tied: half a pair is lost.
  expect(table.map(({ signal, AUROC }) => [signal, String(AUROC).slice(0, 5)])).toEqual([
    ["verification", "0.984"],
    ["combination", "1.000"],
  ]);
  expect(findings[1]).toMatch(/keeps 100\.0 .*% and catches 75\.0 .* \(n = 8 and 4\)/);
  expect(findings[1]).toContain("expected calibration error 0.183");
  expect(plots.map(({ name }) => name)).toEqual(["trust-detection", "trust-reliability"]);
  expect(plots[1]!.series[0]!.points.map(({ x, value, n }) => [x, value, n])).toEqual([
    [expect.closeTo(10, 9), 0, 3],
    [expect.closeTo(70, 9), 0, 1],
    [expect.closeTo(80, 9), 100, 4],
    [expect.closeTo(90, 9), 100, 4],
  ]);
});

test("without a calibration only signals are told; without objects nothing is claimed", () => {
  const { findings, plots } = report(
    OBJECTS.map((one) => ({ ...one, trust: null })),
    null,
  );
  expect(findings.length).toBe(1);
  expect(plots.length).toBe(1);
  expect(report([], null).findings).toEqual([expect.stringContaining("undefined")]);
});

test("a figure without an interval is not held against the literature's", () => {
  const of = (low: number | null, high: number | null) =>
    againstLiterature({ value: 0.9, low, high, n: 5 });
  expect(of(null, null)).toContain("too few images");
  expect(of(0.95, 1)).toContain("above");
  expect(of(0.5, 0.8)).toContain("below");
  expect(of(0.8, 0.95)).toContain("not apart from");
});
