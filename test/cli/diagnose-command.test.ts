import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AnalysisResult } from "../../src/diagnose/contract/analysis.js";
import { groundsight, main } from "./groundsight.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "diagnose-command-"));
});
afterAll(() => rm(folder, { recursive: true }));

const few = ["--limit", "3", "--threads", "1"];

test("elbow: prints figures and findings, and writes data and plots", async () => {
  const out = join(folder, "elbow");
  const { stdout, stderr, status } = groundsight("diagnose", "elbow", ...few, "--out", out);
  expect(stderr.replaceAll(/^.* steps, .*\n/gm, "")).toBe("");
  expect(status).toBe(0);
  expect(stdout).toMatch(/^elbow: pocket \(fp32\) on pocket test, n = 6, seed 0/);
  expect(stdout).toMatch(/\n- ood_captions: the elbow lies at k = [\d.]+ /);
  expect((await readdir(out)).sort()).toEqual([
    "elbow-captions.svg",
    "elbow-ood_captions.svg",
    "elbow.json",
  ]);
  const result: AnalysisResult = JSON.parse(await readFile(join(out, "elbow.json"), "utf8"));
  expect(result).toMatchObject({ analysis: "elbow", limit: 3, settings: { candidates: 50 } });
  const [there] = result.plots[0]!.series;
  expect(there!.points[0]!.value).toBeGreaterThan(0.5);
  const json = groundsight("diagnose", "elbow", ...few, "--json");
  expect(JSON.parse(json.stdout)).toEqual(result);
}, 120_000);

test.each([
  ["alignment", ["--neighbours", "2"], ["cka", "cosines", "knn"], /layer 5: cosine /],
  ["attention", ["--layers", "1,3"], ["objects", "parts"], /Image tokens are 0\.\d+/],
] as const)(
  "%s: tells figures by layer",
  async (name, settings, plots, finding) => {
    const out = join(folder, name);
    const run = ["diagnose", name, "--limit", "4", "--threads", "1", ...settings, "--out", out];
    const { stdout, stderr, status } = groundsight(...run);
    expect(stderr.replaceAll(/^.* steps, .*\n/gm, "")).toBe("");
    expect(status).toBe(0);
    expect(stdout).toMatch(finding);
    const files = plots.map((plot) => `${name}-${plot}.svg`);
    expect((await readdir(out)).sort()).toEqual([...files, `${name}.json`]);
    const result: AnalysisResult = JSON.parse(await readFile(join(out, `${name}.json`), "utf8"));
    expect(result.base).toBe(name === "alignment" ? "pocket-base" : null);
    expect(result.n).toBe(4);
  },
  240_000,
);

test("cognition: tells what questions are answered from, and base ranks", async () => {
  const out = join(folder, "cognition");
  const run = ["diagnose", "cognition", "--limit", "2", "--threads", "1", "--out", out];
  const { stdout, status } = groundsight(...run);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^direct, reasoning +true description instead +2 /m);
  expect(stdout).toMatch(/\n- Tokens that the base LLM ranks first without the image: /);
  const files = ["cognition-answers.svg", "cognition-ranks.svg", "cognition.json"];
  expect((await readdir(out)).sort()).toEqual(files);
  const blind = groundsight(...run.slice(0, -2), "--base", "none", "--json");
  const result: AnalysisResult = JSON.parse(blind.stdout);
  expect(result.warnings).toEqual(["no base LLM: base ranks are not told; --base names one"]);
  expect(result.plots.map(({ name }) => name)).toEqual(["cognition-answers"]);
}, 240_000);

test("data: audits a set without a model", async () => {
  const out = join(folder, "data");
  const { stdout, status } = groundsight("diagnose", "data", "--limit", "3", "--out", out);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^data: pocket test, n = 3,/);
  expect(stdout).toMatch(/^image below 224 pixels +3 +3 +100\.0 /m);
  expect((await readdir(out)).sort()).toEqual(["data-checks.svg", "data.json"]);
});

test("lists the analyses, with and without --list", () => {
  const { stdout, status } = groundsight("diagnose", "--list");
  expect(status).toBe(0);
  expect(stdout).toMatch(/^elbow +how many tokens compete/m);
  expect(groundsight("diagnose").stdout).toBe(stdout);
});

test("wrong use is told in a line", () => {
  const unknown = groundsight("diagnose", "knee");
  expect(unknown.stderr).toMatch(/analysis: received knee; expected one of elbow, /);
  expect(unknown.status).toBe(2);
  // Commands below a command end as those above do.
  for (const [name, inner] of [
    ["diagnose", "elbow"],
    ["index", "search"],
    ["steer", "inspect"],
  ] as const) {
    const wrong = groundsight(name, inner, "--no-such-option");
    expect(wrong.stderr).toContain("--no-such-option");
    expect(wrong.status).toBe(2);
  }
  const nowhere = groundsight("diagnose", "elbow", "--data", join(folder, "nowhere"));
  expect(nowhere.stderr).toMatch(/nowhere: there is no such folder/);
  expect(nowhere.status).toBe(1);
  const empty = groundsight("diagnose", "elbow", "--data", folder);
  expect(empty.stderr).toContain("has no captions.jsonl, objects_by_image.json");
  expect(empty.status).toBe(2);
  const few = groundsight("diagnose", "elbow", "--candidates", "1");
  expect(few.stderr).toContain("candidates: received 1");
  const layers = groundsight("diagnose", "attention", "--layers", "2,9", "--threads", "1");
  expect(layers.stderr).toContain("layers: received 2,9; expected numbers of 0 to 4");
  const near = groundsight("diagnose", "alignment", "--limit", "3", "--threads", "1");
  expect(near.stderr).toContain("neighbours: received 10, of 3 captions of pocket test");
}, 240_000);

test("stopped by Ctrl-C it writes nothing but what it goes on from", async () => {
  const out = join(folder, "stopped");
  const child = spawn(process.execPath, [
    main,
    "diagnose",
    "elbow",
    "--out",
    out,
    "--threads",
    "1",
  ]);
  setTimeout(() => child.kill("SIGINT"), 4000);
  expect((await once(child, "exit"))[0]).toBe(1);
  const written = existsSync(out) ? await readdir(out) : [];
  expect(written.filter((name) => name !== "elbow.work.jsonl")).toEqual([]);
}, 60_000);
