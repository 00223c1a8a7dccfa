import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { evaluate } from "../../src/eval/evaluate.js";
import { DatasetError, InvalidArgumentError, type Model } from "../../src/index.js";
import { seeingModel, smallRequest, writeSet } from "./small-run.js";

let folder: string;
let data: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "failed-"));
  data = await writeSet(folder);
});
afterEach(() => rm(folder, { recursive: true }));

const read = (name: string) => readFile(join(folder, "out", name), "utf8");

test("an image that cannot be decoded stops nothing: left out for every method, counted, named", async () => {
  const image = join(folder, "images", "3.png");
  const whole = await readFile(image);
  await writeFile(image, whole.subarray(0, 40));
  await using model = seeingModel();
  const analysis = await evaluate(model, await smallRequest(folder, data));
  const [set] = analysis.sets;
  expect(set?.failures.questions).toBe(2);
  expect(set?.failures.answers).toHaveLength(2 * 9);
  expect(set?.questions).toBe(22);
  expect(set?.methods.map(({ n }) => n)).toEqual([22, 44, 22, 44, 22, 44]);
  const text =
    "2 questions are left out for every method, since answers failed: regular 6, apc 6, vcd 6";
  for (const report of ["report.md", "report.html"]) {
    expect(await read(report)).toContain(text);
    expect(await read(report)).toContain("3.png: cannot be decoded");
  }

  // The same again asks nothing; on demand the mended image is asked for, and only it.
  await writeFile(image, whole);
  const seen: number[] = [];
  const onProgress = ({ answered }: { answered: number }) => seen.push(answered);
  await evaluate(model, await smallRequest(folder, data, { onProgress }));
  expect(seen).toEqual([]);
  const again = await smallRequest(folder, data, { onProgress, retryFailed: true });
  const mended = await evaluate(model, again);
  expect(seen.at(-1)).toBe(18);
  expect(mended.sets[0]?.failures).toEqual({ questions: 0, answers: [] });
  expect(mended.sets[0]?.methods[0]?.n).toBe(24);
  expect(await read("report.md")).not.toContain("left out");
});

test("what is no fault of one question ends the run: nothing is stored as failed", async () => {
  await using model = seeingModel();
  const broken = new Proxy(model, {
    get: (target, key) => {
      if (key === "generateSettled") {
        return async (requests: unknown[]) =>
          Promise.allSettled(requests.map(() => Promise.reject(new Error("out of memory"))));
      }
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  }) as Model;
  await expect(evaluate(broken, await smallRequest(folder, data))).rejects.toThrow("out of memory");
  await expect(read("failures.jsonl")).rejects.toThrow(/ENOENT/);
});

test("a report that cannot be written is a DatasetError; the answers stay, and nothing half written", async () => {
  await using model = seeingModel();
  const report = join(folder, "out", "report.html");
  await mkdir(report, { recursive: true });
  const failing = evaluate(model, await smallRequest(folder, data));
  await expect(failing).rejects.toThrow(DatasetError);
  await expect(failing).rejects.toThrow(`${report}: this is a folder; expected a file`);
  const left = await readdir(join(folder, "out"));
  expect(left.filter((name) => name.includes("tmp") || name.includes("lock"))).toEqual([]);
  await rm(report, { recursive: true });
  const seen: unknown[] = [];
  const onProgress = (progress: unknown) => seen.push(progress);
  await evaluate(model, await smallRequest(folder, data, { onProgress }));
  expect(seen).toEqual([]);
  expect(await read("report.html")).toContain("<html");
});

test("an empty --out is wrong use", async () => {
  await using model = seeingModel();
  const request = await smallRequest(folder, data, { out: "" });
  await expect(evaluate(model, request)).rejects.toThrow(InvalidArgumentError);
});

test("progress tells the score so far; the command line tells each figure with its unit", async () => {
  await using model = seeingModel();
  const seen: { right?: unknown }[] = [];
  const onProgress = (progress: { right?: unknown }) => seen.push(progress);
  await evaluate(model, await smallRequest(folder, data, { onProgress }));
  const share = expect.any(Number);
  expect(seen.at(-1)?.right).toEqual({ regular: share, apc: share, vcd: share });
  const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
  const { stdout } = spawnSync(process.execPath, [main, "results", folder], { encoding: "utf8" });
  expect(stdout).toMatch(/^out +\d+ .*regular +greedy +accuracy +66\.7% +\d+\.\d% +\d+\.\d%$/m);
});
