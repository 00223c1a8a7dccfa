import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeSet } from "../eval/small-run.js";
import { groundsight, main, model } from "./groundsight.js";

let folder: string;
let asked: string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tune-command-"));
  asked = ["pope", "--data", await writeSet(folder), ...model];
});
afterAll(() => rm(folder, { recursive: true }));

const half = ["--dev-share", "0.5", "--noise-draws", "1"];
const tune = (out: string, ...more: string[]) => [
  ...["tune", ...asked, "--method", "vcd", "--out", join(folder, out), ...half, ...more],
];

test("chooses a setting on dev questions, which eval takes and tries on the others alone", async () => {
  const command = tune("tuned", "--try", "alpha=0.5,2", "--try", "beta=0.1,0.2");
  const { stdout, stderr, status } = groundsight(...command);
  expect(stderr).toBe("");
  expect(status).toBe(0);
  const file = join(folder, "tuned", "tuned.json");
  expect(stdout).toMatch(/^pope_small \(rule pope\), dev: \d+ questions\n/);
  expect(stdout).toMatch(/vcd:alpha=0\.5:beta=0\.2 +greedy +[\d.]+ \([\d.]+ to [\d.]+\)/);
  expect(stdout).toMatch(
    /\nchosen: vcd:alpha=[\d.]+:beta=[\d.]+(, the first of \d that are as good)?\n/,
  );
  expect(stdout.trim().endsWith(file)).toBe(true);
  const chosen = JSON.parse(await readFile(file, "utf8"));
  const { costs, ...printed } = JSON.parse(groundsight(...command, "--json").stdout);
  expect(costs.map(({ name }: { name: string }) => name)).toEqual([
    "regular",
    ...chosen.tried.map(({ name }: { name: string }) => name),
  ]);
  expect(printed).toEqual(chosen);

  const out = join(folder, "evaluated");
  const evaluate = ["eval", ...asked, "--settings", file, "--noise-draws", "1"];
  const run = groundsight(...evaluate, "--out", out);
  expect(run.stderr).toBe("");
  expect(run.stdout.replaceAll(/\s+/g, " ")).toContain("vcd: tuned on dev of pope_small (n = ");
  const settings = JSON.parse(await readFile(join(out, "settings.json"), "utf8"));
  const questions = chosen.sets[0].questions;
  expect(settings.sets[0].split).toEqual({ part: "test", seed: 0, share: 0.5 });
  expect(settings.sets[0].questions).toBe(24 - questions);
  expect(settings.tuned.vcd).toMatchObject({ sets: ["pope_small"], questions, tried: 4 });
  const methods = settings.series.map(({ method }: { method: string }) => method);
  expect(methods).toEqual(["regular", "apc", "vcd"]);
  expect(settings.series[2].settings).toEqual(chosen.method.settings);

  const onDev = groundsight(...evaluate, ...half, "--split", "dev", "--out", join(folder, "dev"));
  expect(onDev.stderr).toContain(
    `${questions} of ${questions} questions are about images that vcd`,
  );
  expect(onDev.status).toBe(2);
}, 60_000);

test("stopped by Ctrl-C it keeps what is stored, and the same command goes on", async () => {
  const command = tune("stopped", "--try", "alpha=1,2", "--limit", "4", "--batch", "1");
  const child = spawn(process.execPath, [main, ...command]);
  const errors: string[] = [];
  child.stderr.on("data", (chunk) => errors.push(String(chunk)));
  const path = join(folder, "stopped", "answers.jsonl");
  const answers = () => readFile(path, "utf8").catch(() => "");
  while ((await answers()) === "") await new Promise((next) => setTimeout(next, 20));
  child.kill("SIGINT");
  expect((await once(child, "exit"))[0]).toBe(1);
  expect(errors.join("")).toMatch(/stopped: \d+ answers are stored; the same command goes on/);
  expect(await readdir(join(folder, "stopped"))).not.toContain("tuned.json");
  const stored = await answers();
  expect(groundsight(...command).stdout).toContain("chosen: vcd:alpha=");
  expect((await answers()).startsWith(stored)).toBe(true);
}, 60_000);

test("settings that are equally good are told beside the one that was chosen", () => {
  const { stdout } = groundsight(...tune("equal", "--try", "beta=0.1,0.1000001", "--limit", "1"));
  expect(stdout).toContain("\nchosen: vcd:beta=0.1, the first of 2 that are as good\n");
});

test("wrong use is told in a line", async () => {
  expect(groundsight(...tune("wrong")).stderr).toMatch(/^groundsight: try: received nothing/);
  expect(groundsight(...tune("wrong", "--try", "gamma=1")).stderr).toMatch(
    /received gamma; vcd has/,
  );
  const broken = join(folder, "broken.json");
  await writeFile(broken, "{}");
  const evaluated = groundsight(
    "eval",
    ...asked,
    "--settings",
    broken,
    "--out",
    join(folder, "no"),
  );
  expect(evaluated.stderr).toContain("expected a file that 'groundsight tune' wrote");
  expect(evaluated.status).toBe(1);
});
