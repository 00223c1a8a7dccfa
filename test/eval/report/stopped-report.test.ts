import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AbortedError } from "../../../src/errors.js";
import { pope } from "../../../src/eval/benchmarks/pope.js";
import { atOnce } from "../../../src/eval/data/turns.js";
import { rebuildReport } from "../../../src/eval/report/rebuild-report.js";
import type { RunAnalysis } from "../../../src/eval/report/run-analysis.js";
import { scoreMethods } from "../../../src/eval/report/scored-method.js";
import { REPORT_FILES, writeReport } from "../../../src/eval/report/write-report.js";
import { writeLargeRun } from "../large-run.js";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stopped-"));
  await writeLargeRun(folder, 300);
  for (const name of Object.values(REPORT_FILES)) await writeFile(join(folder, name), "older");
});
afterAll(() => rm(folder, { recursive: true }));

async function contents(): Promise<Record<string, string>> {
  const entries = await readdir(folder, { withFileTypes: true });
  const files = entries.filter((one) => one.isFile()).map(({ name }) => name);
  const texts = files.map(async (name) => [name, await readFile(join(folder, name), "utf8")]);
  return Object.fromEntries(await Promise.all(texts));
}

test("a signal while a report is analysed stops it: the answers and the older report stay", async () => {
  const before = await contents();
  const stop = new AbortController();
  // Its answers are read when it holds the folder; then it draws.
  const timer = setInterval(async () => {
    if ((await readdir(folder)).some((name) => /lock/.test(name))) stop.abort();
  }, 10);
  const report = rebuildReport(folder, { benchmarks: [pope], signal: stop.signal });
  await expect(report).rejects.toThrow(AbortedError);
  clearInterval(timer);
  expect(await contents()).toEqual({ ...before, "timings.jsonl": "" });
});

test("a signal while pictures are copied leaves the older report, too", async () => {
  const before = await contents();
  const stop = new AbortController();
  const rows = [{ question_id: 1, image: "a.png", text: "Is it?", label: "yes" }];
  const questions = pope.load({ data: { name: "q", text: JSON.stringify(rows) }, truth: null });
  const answered = questions.map((question) => ({ question, answer: "Yes", verdict: null }));
  const methods = atOnce(
    scoreMethods(pope, "pope", [{ method: "regular", seed: null, answered, timings: [] }]),
  );
  const imagePath = (_: string, image: string) => {
    stop.abort();
    return join(folder, image);
  };
  const analysis = { settings: {} as RunAnalysis["settings"], sets: [], gains: [] };
  const set = { name: "set", title: "Set" };
  const report = writeReport(folder, analysis, imagePath, [{ set, methods }], stop.signal);
  await expect(report).rejects.toThrow(AbortedError);
  expect(await contents()).toEqual(before);
});
