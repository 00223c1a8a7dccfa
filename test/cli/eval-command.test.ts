import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeSet } from "../eval/small-run.js";
import { CHECKPOINTS } from "../global-setup.js";

// It runs the package as it is built before the tests (test/global-setup.ts).
const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
let folder: string;
let args: string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "eval-"));
  const data = await writeSet(folder);
  const model = ["--model", `${CHECKPOINTS}concat`, "--threads", "1"];
  args = ["eval", "pope", "--data", data, ...model, "--methods", "regular", "--without", "apc"];
});
afterAll(() => rm(folder, { recursive: true }));

const run = (...more: string[]) =>
  spawnSync(process.execPath, [main, ...args, ...more], { encoding: "utf8" });

describe("stopped by a signal", () => {
  test.each(["SIGHUP", "SIGTERM", "SIGINT"] as const)(
    "%s: says what is stored, leaves no lock, and the same command goes on",
    async (signal) => {
      const out = join(folder, signal);
      const slow = ["--out", out, "--seeds", "40", "--batch", "1"];
      const child = spawn(process.execPath, [main, ...args, ...slow]);
      const errors: string[] = [];
      child.stderr.on("data", (chunk) => errors.push(String(chunk)));
      const answers = () => readFile(join(out, "answers.jsonl"), "utf8").catch(() => "");
      while ((await answers()) === "") await new Promise((next) => setTimeout(next, 20));
      child.kill(signal);
      expect((await once(child, "exit"))[0]).toBe(1);
      expect(errors.join("")).toMatch(
        /^groundsight: stopped: \d+ answers are stored; the same command goes on from there\n$/,
      );
      expect((await readdir(out)).sort()).toEqual([
        "answers.jsonl",
        "settings.json",
        "sources.json",
        "timings.jsonl",
      ]);
    },
  );
});

describe("files", () => {
  test.each([
    [
      ["/dev/null"],
      1,
      /^groundsight: \/dev\/null: there is a file of this name; expected a folder/,
    ],
    [
      ["/proc/x"],
      1,
      /^groundsight: \/proc\/x: there is no such file or folder, and it cannot be made/,
    ],
    [[""], 2, /^groundsight: out: received an empty path; expected a folder\n/],
  ])("--out %j: status %i, one line, no stack trace", (out, status, message) => {
    const result = run("--out", ...out);
    expect(result.stderr).toMatch(message);
    expect(result.stderr).not.toMatch(/\n {4}at /);
    expect(result.status).toBe(status);
  });

  test("an image cut short: the run ends with a report and says that answers failed", async () => {
    const image = join(folder, "images", "3.png");
    const whole = await readFile(image);
    await writeFile(image, whole.subarray(0, 40));
    const out = join(folder, "cut");
    const result = run("--out", out, "--limit", "5");
    expect(result.stderr).toContain("groundsight: 2 answers failed; --retry-failed asks again\n");
    expect(result.status).toBe(0);
    expect(await readFile(join(out, "report.md"), "utf8")).toContain("2 questions are left out");
    await writeFile(image, whole);
    const again = run("--out", out, "--limit", "5", "--retry-failed");
    expect(again.stderr).not.toContain("failed");
    expect(await readFile(join(out, "report.md"), "utf8")).toContain("10 questions about 5 images");
  });

  test("no image can be read: the report is written, and that there are no figures is a failure", async () => {
    const image = join(folder, "images", "0.png");
    const whole = await readFile(image);
    await writeFile(image, whole.subarray(0, 40));
    const result = run("--out", join(folder, "none"), "--limit", "1");
    await writeFile(image, whole);
    expect(result.stdout).toMatch(
      /^Nothing was compared: no question has answers of all methods\.$/m,
    );
    expect(result.stderr).toMatch(
      /^groundsight: there are no figures: of every question an answer failed, the first with: .*0\.png.*--retry-failed asks again$/m,
    );
    expect(result.status).toBe(1);
  });
});
