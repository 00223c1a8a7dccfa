import { appendFile, cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DatasetError, InvalidArgumentError } from "../../../src/errors.js";
import { pope } from "../../../src/eval/benchmarks/pope.js";
import { evaluate } from "../../../src/eval/evaluate.js";
import { rebuildReport } from "../../../src/eval/report/rebuild-report.js";
import { planRun } from "../../../src/eval/run/plan-run.js";
import { seeingModel, smallRequest, writeSet } from "../small-run.js";

const benchmarks = [pope];
const FILES = [
  "report.html",
  "report.md",
  "report.json",
  "counts.jsonl",
  "report-data/answers-0-0.js",
];
let folder: string;
let out: string;
let copies = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "rebuild-"));
  const request = await smallRequest(folder, await writeSet(folder));
  await evaluate(seeingModel(), request);
  out = request.out;
});
afterAll(() => rm(folder, { recursive: true }));

/** The run in a folder of its own. */
async function copyOfRun(): Promise<string> {
  const copy = join(folder, `copy-${copies++}`);
  await cp(out, copy, { recursive: true });
  return copy;
}

test("the report is the same to the byte, written from answers alone", async () => {
  const copy = await copyOfRun();
  for (const name of FILES) await rm(join(copy, name));
  await rebuildReport(copy, { benchmarks });
  for (const name of FILES) {
    expect(await readFile(join(copy, name), "utf8")).toBe(await readFile(join(out, name), "utf8"));
  }
});

test("a run of one part of its questions is reported about that part", async () => {
  const split = { part: "dev", seed: 1, share: 0.5 } as const;
  const [data, out] = [await writeSet(folder), join(folder, "dev-part")];
  const [whole] = (await smallRequest(folder, data)).sets;
  const files = { data: whole!.files!.data, truth: null, images: whole!.images };
  const sets = await planRun([{ benchmark: pope, rule: "pope", limit: null, split, ...files }]);
  expect(sets[0]!.questions.length).toBeLessThan(whole!.questions.length);
  const written = await evaluate(seeingModel(), {
    ...(await smallRequest(folder, data)),
    sets,
    out,
  });
  expect(await rebuildReport(out, { benchmarks })).toEqual(written);
});

test("a run that a crash left with half an answer has a report of the others", async () => {
  const copy = await copyOfRun();
  const lines = (await readFile(join(copy, "answers.jsonl"), "utf8")).split("\n");
  await writeFile(join(copy, "answers.jsonl"), `${lines.slice(0, 40).join("\n")}\n{"set":"po`);
  const { sets } = await rebuildReport(copy, { benchmarks });
  expect(sets[0]?.methods.reduce((sum, { n }) => sum + n, 0)).toBe(40);
  // Only finished runs are compared.
  await expect(readFile(join(copy, "counts.jsonl"))).rejects.toThrow(/ENOENT/);
});

test("what cannot be reported is refused by file, and nothing is written", async () => {
  await expect(rebuildReport(folder, { benchmarks })).rejects.toThrow(/no run; expected a folder/);
  const copy = await copyOfRun();
  await rm(join(copy, "report.html"));
  await expect(rebuildReport(copy, { benchmarks: [] })).rejects.toThrow(InvalidArgumentError);
  await expect(rebuildReport(copy, { benchmarks, data: ["a", "b"] })).rejects.toThrow(
    /received 2 files; expected 1, in this order: pope_small/,
  );
  const other = join(folder, "other.jsonl");
  await cp(join(folder, "pope_small.jsonl"), other);
  await appendFile(other, "\n");
  await expect(rebuildReport(copy, { benchmarks, data: [other] })).rejects.toThrow(
    /other\.jsonl: not the file of the run's set pope_small/,
  );
  await rm(join(copy, "sources.json"));
  await expect(rebuildReport(copy, { benchmarks })).rejects.toThrow(/does not say where/);
  await writeFile(join(copy, "settings.json"), '{"version": 1}');
  await expect(rebuildReport(copy, { benchmarks })).rejects.toThrow(DatasetError);
  await expect(readFile(join(copy, "report.html"))).rejects.toThrow(/ENOENT/);
});
