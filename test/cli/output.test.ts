import { spawnSync } from "node:child_process";
import { existsSync, openSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { reportFailure } from "../../src/cli/report-failure.js";
import { steerFitCommand } from "../../src/cli/steer-fit-command.js";
import { AbortedError } from "../../src/index.js";
import { CHECKPOINTS } from "../global-setup.js";

const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const model = ["--model", `${CHECKPOINTS}concat`, "--threads", "1"];

let folder: string;
let image: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "groundsight-output-"));
  await mkdir(join(folder, "images"));
  image = join(folder, "images", "0.png");
  const noise = Buffer.from(Array.from({ length: 32 * 32 * 3 }, (_, i) => (i * 97) % 256));
  await sharp(noise, { raw: { width: 32, height: 32, channels: 3 } })
    .png()
    .toFile(image);
});
afterAll(() => rm(folder, { recursive: true }));

test.skipIf(!existsSync("/dev/full")).each([["models"], ["--help"], ["models", "--json"]])(
  "a full standard output is one line and status 1: %j",
  (...args) => {
    const full = openSync("/dev/full", "w");
    const { status, stderr } = spawnSync(process.execPath, [main, ...args], {
      encoding: "utf8",
      stdio: ["ignore", full, "pipe"],
    });
    expect(stderr).toMatch(/^groundsight: [^\n]*ENOSPC[^\n]*\n$/);
    expect(status).toBe(1);
  },
);

test("--no-color is taken by every command, and wins over FORCE_COLOR", () => {
  const run = (...more: string[]) =>
    spawnSync(
      process.execPath,
      [main, "compare", image, "What?", ...model, "--methods", "regular", "--rounds", "1", ...more],
      { encoding: "utf8", env: { ...process.env, NO_COLOR: "", FORCE_COLOR: "1" } },
    );
  expect(run("--max-tokens", "3").stdout).toContain("\u001b[1m");
  const { status, stdout } = run("--max-tokens", "3", "--no-color");
  expect({ status, colours: stdout.includes("\u001b") }).toEqual({ status: 0, colours: false });
  const nested = spawnSync(process.execPath, [main, "steer", "inspect", "none", "--no-color"]);
  expect(nested.status).toBe(1);
});

test("an unforeseen error is one line, with its place only when asked for", () => {
  const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const said = () => String(write.mock.lastCall?.[0]);
  const { GROUNDSIGHT_DEBUG } = process.env;
  delete process.env.GROUNDSIGHT_DEBUG;
  expect(reportFailure(new TypeError("x is not a function"))).toBe(1);
  expect(said()).toMatch(/^groundsight: unforeseen: x is not a function [^\n]*\n$/);
  expect(reportFailure(null)).toBe(1);
  process.env.GROUNDSIGHT_DEBUG = "1";
  expect(reportFailure(new TypeError("x"))).toBe(1);
  expect(said()).toContain("    at ");
  if (GROUNDSIGHT_DEBUG === undefined) delete process.env.GROUNDSIGHT_DEBUG;
  else process.env.GROUNDSIGHT_DEBUG = GROUNDSIGHT_DEBUG;
  write.mockRestore();
});

test("steer fit, stopped by a signal, fails by type and leaves nothing", async () => {
  const demos = join(folder, "demos.jsonl");
  const demo = { image: "0.png", caption: "a dog", hallucinated: "a dog and a cat" };
  await writeFile(demos, `${JSON.stringify(demo)}\n`.repeat(400));
  const before = await readdir(folder);
  const listeners = process.listenerCount("SIGINT");
  const out = join(folder, "directions.safetensors");
  const fit = ["steer", "fit", "--demos", demos, "--images", join(folder, "images"), "--out", out];
  const asked = steerFitCommand().parseAsync([...fit.slice(2), "--maskings", "500", ...model], {
    from: "user",
  });
  while (process.listenerCount("SIGINT") === listeners) {
    await new Promise((next) => setTimeout(next, 5));
  }
  process.emit("SIGINT");
  await expect(asked).rejects.toThrow(AbortedError);
  expect(process.listenerCount("SIGINT")).toBe(listeners);
  expect(await readdir(folder)).toEqual(before);
});
