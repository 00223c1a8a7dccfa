import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { openDataFolder } from "../../../src/diagnose/analyses/data-folder.js";
import { ANALYSES, analysisNamed } from "../../../src/diagnose/analyses/registry.js";
import { runAnalysis } from "../../../src/diagnose/analyses/run-analysis.js";
import { writeAnalysis } from "../../../src/diagnose/analyses/write-analysis.js";
import type { Analysis } from "../../../src/diagnose/contract/analysis.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "analysis-"));
  const rows = ["a", "b", "a", "c"].map((image, i) => JSON.stringify({ image, i }));
  await writeFile(join(folder, "things.jsonl"), rows.join("\n"));
});
afterAll(() => rm(folder, { recursive: true }));

const row = z.object({ image: z.string(), i: z.number() });
const counting: Analysis = {
  name: "counting",
  summary: "how many there are",
  paper: "Nobody, nowhere: many.",
  needs: { model: false, files: ["things.jsonl"] },
  settings: { times: { type: "integer", min: 1, default: 2, summary: "how often" } },
  async run({ data, settings, seed, progress }) {
    const rows = await data.rows("things.jsonl", row);
    progress(1, 1);
    const value = rows.length * (settings.times as number) + seed;
    const points = [{ x: "all", value, low: null, high: null, n: rows.length }];
    return {
      n: rows.length,
      table: [{ value }],
      findings: [`${value}, as in the paper.`],
      plots: [
        {
          name: "counting",
          title: "Many",
          mark: "dot",
          x: { label: "which" },
          y: { label: "how many" },
          series: [{ label: "things", points }],
        },
      ],
    };
  },
};

test("tells what was found with what it is of, and writes it as data and plots", async () => {
  const steps: number[][] = [];
  const data = openDataFolder(folder, { limit: 2 });
  const result = await runAnalysis(counting, {
    data,
    limit: 2,
    seed: 5,
    settings: { times: 3 },
    onProgress: (...step) => steps.push(step),
  });
  expect(result).toMatchObject({
    schemaVersion: 1,
    analysis: "counting",
    model: null,
    data: folder,
    seed: 5,
    limit: 2,
    settings: { times: 3 },
    n: 3,
    table: [{ value: 14 }],
    warnings: [],
  });
  expect(steps).toEqual([[1, 1]]);
  const written = await writeAnalysis(result, join(folder, "out"));
  expect(written).toEqual(["counting.json", "counting.svg"].map((f) => join(folder, "out", f)));
  expect(JSON.parse(await readFile(written[0]!, "utf8"))).toEqual(result);
  expect(await readFile(written[1]!, "utf8")).toContain("<title>Many</title>");
});

test("refuses what it cannot do by name", async () => {
  const data = openDataFolder(folder);
  const run = (analysis: Partial<Analysis>, more = {}) =>
    runAnalysis({ ...counting, ...analysis }, { data, ...more });
  await expect(run({}, { settings: { speed: 1 } })).rejects.toThrow("counting has no option");
  await expect(run({}, { settings: { times: 0 } })).rejects.toThrow("times: received 0");
  await expect(run({ needs: { model: false, files: ["a.json"] } })).rejects.toThrow(
    `${folder} has no a.json`,
  );
  await expect(run({ needs: { model: true, files: [] } })).rejects.toThrow("asks a model");
  expect(() => openDataFolder(join(folder, "none"))).toThrow("no such folder");
  expect(() => analysisNamed("knee")).toThrow("received knee; expected one of elbow");
});

test("every analysis says what it asks, where it is from, and takes its defaults", () => {
  const names = ANALYSES.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { name, paper, summary } of ANALYSES) {
    expect(analysisNamed(name).summary).toBe(summary);
    expect(paper).toMatch(/\(.*\d{4}|\d{4}.*\):/);
  }
});
