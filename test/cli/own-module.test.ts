import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeSet } from "../eval/small-run.js";
import { groundsight, main, model } from "./groundsight.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A user's project with the package, the example's benchmark, its questions and images. */
let project: string;
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "own-project-"));
  await mkdir(join(project, "node_modules"));
  await symlink(root, join(project, "node_modules", "groundsight"), "junction");
  await build({
    entryPoints: [join(root, "examples/own-benchmark.ts")],
    outfile: join(project, "own-benchmark.mjs"),
    format: "esm",
    target: "node20",
    tsconfigRaw: {},
  });
  await writeSet(project);
  const questions = ["left", "right"].map((side, i) => ({
    ...{ question_id: i, image: `${i}.png`, side },
    text: "Is the cup left or right?",
  }));
  const lines = (rows: object[]) => rows.map((row) => JSON.stringify(row)).join("\n");
  await writeFile(join(project, "sides.jsonl"), lines(questions));
  const answers = ["Left.", "Left."].map((text, question_id) => ({ question_id, text }));
  await writeFile(join(project, "answers.jsonl"), lines(answers));
});
afterAll(() => rm(project, { recursive: true }));

const at = (name: string) => join(project, name);

test("score takes the example's module", () => {
  const args = [at("own-benchmark.mjs"), at("answers.jsonl"), "--truth", at("sides.jsonl")];
  const { stdout, stderr } = groundsight("score", ...args, "--json");
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toMatchObject({ benchmark: "sides", accuracy: 0.5, left_ratio: 1 });
});

test("eval asks its prompts, a set for each, and goes on only while they are the same", async () => {
  const run = (...more: string[]) =>
    groundsight(
      ...["eval", at("own-benchmark.mjs"), "--data", at("sides.jsonl"), ...model],
      ...["--methods", "regular", "--without", "apc", "--out", at("run"), ...more],
    );
  const first = run("--prompt-variant", "plain,short");
  expect(first.stderr).toBe("");
  expect(first.stdout).toMatch(/^sides-plain {2,}\S.* \d/m);
  const { sets } = JSON.parse(await readFile(at("run/settings.json"), "utf8"));
  expect(sets).toMatchObject([{ promptVariant: "plain" }, { promptVariant: "short" }]);
  const text = await readFile(at("own-benchmark.mjs"), "utf8");
  await writeFile(at("own-benchmark.mjs"), text.replace("with one word", "in one word"));
  const again = run("--prompt-variant", "plain,short");
  await writeFile(at("own-benchmark.mjs"), text);
  expect(again.stderr).toMatch(/sets\.1\.asked was "\w+", is "\w+"/);
  expect(run("--prompt-variant", "long").stderr).toContain(
    'prompt variant of sides: received "long"; it has plain, short',
  );
});

test("report and results ask for the module by its place, and say when it has changed", async () => {
  const asking = ["--methods", "regular", "--without", "apc", "--prompt-variant", "plain"];
  const module = ["--benchmark", at("own-benchmark.mjs")];
  for (const name of ["runs/a", "runs/b"]) {
    const questions = ["--data", at("sides.jsonl"), "--out", at(name)];
    groundsight("eval", at("own-benchmark.mjs"), ...questions, ...asking, ...model);
  }
  const written = await readFile(at("runs/a/report.json"), "utf8");
  await rm(at("runs/a/report.json"));
  const unnamed = groundsight("report", at("runs/a"));
  expect(unnamed.status).toBe(2);
  expect(unnamed.stderr).toMatch(/sides, of \S*own-benchmark\.mjs; .* name it: --benchmark \S+/);
  expect(groundsight("report", at("runs/a"), ...module)).toMatchObject({ status: 0, stderr: "" });
  expect(await readFile(at("runs/a/report.json"), "utf8")).toBe(written);

  const compare = ["results", at("runs"), "--compare", "a", "b", "--json"];
  expect(groundsight(...compare).stderr).toContain("if you trust that module");
  const { stdout } = groundsight(...compare, ...module);
  expect(JSON.parse(stdout)).toMatchObject([{ set: "sides-plain", difference: 0 }]);

  const text = await readFile(at("own-benchmark.mjs"), "utf8");
  await writeFile(at("own-benchmark.mjs"), `// Changed.\n${text}`);
  const changed = groundsight("report", at("runs/a"), ...module);
  await writeFile(at("own-benchmark.mjs"), text);
  expect(changed.status).toBe(0);
  expect(changed.stderr).toContain("is not what");
});

test("killed without warning over packed rows, its run goes on to the same answers and report", async () => {
  const sides = Array.from({ length: 24 }, (_, i) => `${i},${i % 12}.png,Left or right?,left`);
  const rows = ["question_id,image,text,side", ...sides].join("\n");
  await writeFile(at("many.csv.gz"), gzipSync(rows));
  const asking = ["--methods", "regular", "--without", "apc", "--prompt-variant", "plain"];
  const told = ["eval", at("own-benchmark.mjs"), "--data", at("many.csv.gz"), ...asking];
  const args = [...told, "--batch", "1", ...model, "--out"];
  const child = spawn(process.execPath, [main, ...args, at("killed")], { stdio: "ignore" });
  const answers = (run: string) => readFile(at(`${run}/answers.jsonl`), "utf8").catch(() => "");
  while ((await answers("killed")) === "" && child.exitCode === null) await setTimeout(5);
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(child.signalCode).toBe("SIGKILL");
  expect(groundsight(...args, at("killed")).status).toBe(0);
  expect(groundsight(...args, at("whole")).status).toBe(0);
  expect(await answers("killed")).toBe(await answers("whole"));
  const counts = (run: string) => readFile(at(`${run}/counts.jsonl`), "utf8");
  expect(await counts("killed")).toBe(await counts("whole"));
});

test.each([
  ["broken.mjs", "export default {", "it fails on import (SyntaxError: "],
  ["throws.mjs", "null.name;", "it fails on import (TypeError: "],
  [
    "declared.mjs",
    'import { defineBenchmark } from "groundsight/eval"; export default defineBenchmark({ name: "a" });',
    "benchmark: row: received nothing; expected the fields of a row",
  ],
])("%s: one sentence, status 2", async (name, code, message) => {
  await writeFile(at(name), code);
  const { status, stderr } = groundsight("score", at(name), "answers.jsonl", "--truth", "truth");
  expect(stderr.replaceAll(/\s+/g, " ")).toContain(`benchmark ${at(name)}: ${message}`);
  expect(stderr).not.toMatch(/\n {4}at /);
  expect(status).toBe(2);
});

test("a module that cannot find the package is told what needs no import", async () => {
  const alone = await mkdtemp(join(tmpdir(), "own-alone-"));
  const path = join(alone, "sides.mjs");
  await writeFile(path, await readFile(at("own-benchmark.mjs")));
  const { stderr } = groundsight("score", path, "answers.jsonl", "--truth", "truth");
  await rm(alone, { recursive: true });
  expect(stderr).toContain("install groundsight beside it, or export what defineBenchmark takes");
});
