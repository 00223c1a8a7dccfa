/** `groundsight diagnose trust`: a calibration fitted on dev, and tried on test. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AnalysisResult } from "../../src/diagnose/contract/analysis.js";
import { parseCalibration } from "../../src/diagnose/trust/calibration.js";
import { groundsight } from "./groundsight.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "trust-analysis-"));
});
afterAll(() => rm(folder, { recursive: true }));

const trust = ["diagnose", "trust", "--threads", "1"];

test("a fit writes a calibration, which is used and reported", async () => {
  const file = join(folder, "trust.json");
  const fit = ["--split", "dev", "--limit", "9", "--others", "none", "--fit", file];
  const { stdout, stderr, status } = groundsight(...trust, ...fit);
  expect([stderr, status]).toEqual(["", 0]);
  expect(stdout).toContain("It was fitted on these very objects.");
  const calibration = parseCalibration(await readFile(file, "utf8"), file);
  expect(calibration).toMatchObject({ model: { id: "pocket" }, data: { captions: 9 }, kept: 95 });
  expect(calibration.data.invented).toBeGreaterThan(0);
  expect(calibration.signals[0]).toMatchObject({ name: "verification" });
  const out = join(folder, "out");
  const used = ["--limit", "2", "--calibration", file, "--out", out, "--json"];
  const result: AnalysisResult = JSON.parse(groundsight(...trust, ...used).stdout);
  expect(new Set(result.table.map((row) => row.signal))).toEqual(
    new Set([
      ...calibration.signals.map(({ name }) => name),
      "attention",
      "logitLens",
      "combination",
    ]),
  );
  expect(result.findings.join("\n")).toMatch(/ood_captions: the threshold .* chosen on pocket dev/);
  expect((await readdir(out)).sort()).toEqual([
    "trust-detection.svg",
    "trust-reliability.svg",
    "trust.json",
  ]);
}, 240_000);

test("wrong use is told in a line", () => {
  const both = groundsight(...trust, "--fit", "a.json", "--calibration", "b.json");
  expect(both.stderr).toContain("received fit and calibration; expected one of them");
  expect(both.status).toBe(2);
  const unknown = groundsight(...trust, "--signals", "verification,luck");
  expect(unknown.stderr).toContain('received "luck"; expected some of verification');
  const nowhere = groundsight(...trust, "--calibration", join(folder, "nowhere.json"));
  expect(nowhere.stderr).toContain("nowhere.json: the calibration cannot be read");
}, 120_000);
