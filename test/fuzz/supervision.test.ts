import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DatasetError } from "../../src/errors.js";
import { type FuzzBounds, fuzzed } from "./fuzzed.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const script = join(root, "scripts", "fuzz.mjs");
const defects = join(root, "test", "fuzz", "defects");

const tallyOf = (run: (index: number) => unknown, bounds?: FuzzBounds, cases = 100) =>
  fuzzed({ name: "tried", cases, seed: 7, run, describe: () => "a case" }, bounds);

describe("a run of cases", () => {
  test("counts what is taken and what is refused by type, from any case on", async () => {
    const seen: number[] = [];
    const tally = await tallyOf(
      (index) => {
        seen.push(index);
        if (index % 4 === 0) throw new DatasetError("no");
      },
      { first: 40 },
      8,
    );
    expect(tally).toMatchObject({ cases: 8, taken: 6, refused: 2 });
    expect(seen).toEqual([40, 41, 42, 43, 44, 45, 46, 47]);
  });

  test("ends when its time is over", async () => {
    const { cases } = await tallyOf(() => wait(5), { seconds: 0.1 }, 1e6);
    expect(cases).toBeGreaterThan(0);
    expect(cases).toBeLessThan(1e6);
  });

  const names = "tried, seed 7, case 3 (a case): ";
  test.each<[string, (index: number) => unknown, string]>([
    ["an untyped error", (i) => i === 3 && JSON.parse("{"), "untyped SyntaxError"],
    ["an endless message", (i) => i === 3 && endless(), "endless message"],
    ["a case that waits for ever", (i) => i === 3 && new Promise(() => {}), "not done after 1 s"],
    ["a case that blocks", (i) => i === 3 && block(1100), "took "],
  ])("%s fails by seed and case", async (_, run, what) => {
    await expect(tallyOf(run, { caseSeconds: 1 })).rejects.toThrow(names + what);
  });

  test("memory that is never given back fails", async () => {
    const kept: Uint8Array[] = [];
    const leak = () => kept.push(new Uint8Array(2 ** 20).fill(1));
    await expect(tallyOf(leak, { growthMiB: 40 })).rejects.toThrow(
      /^tried, seed 7: memory grew from \d+ MiB after a tenth to \d+ MiB after 100 cases/,
    );
    await tallyOf(() => new Uint8Array(2 ** 20).fill(1), { growthMiB: 40 });
  });
});

const endless = () => {
  throw new DatasetError("no".repeat(5000));
};

const block = (ms: number) => {
  const end = performance.now() + ms;
  while (performance.now() < end);
};

describe("npm run fuzz", () => {
  let temporary: string;
  beforeEach(async () => {
    temporary = await mkdtemp(join(tmpdir(), "fuzz-"));
  });
  afterEach(() => rm(temporary, { recursive: true }));
  const env = () => ({ ...process.env, TMPDIR: temporary });
  const built = async () =>
    (await readdir(join(root, "node_modules"))).filter((name) => name.startsWith(".fuzz-"));

  const fuzzing = (flags: string[]) =>
    new Promise<{ code: unknown; stderr: string }>((done) => {
      const all = [script, "--folder", defects, ...flags];
      execFile(process.execPath, all, { env: env() }, (error, _, stderr) =>
        done({ code: error?.code, stderr }),
      );
    });

  test.each(["loops", "waits"])("ends a case that %s for ever, naming it", async (only) => {
    const { code, stderr } = await fuzzing(["--only", only, "--case-seconds", "1", "--seed", "5"]);
    expect(stderr).toMatch(new RegExp(`^${only}, seed 5, case 3.*: not done after 1 s`));
    expect(code).toBe(1);
    expect(await readdir(temporary)).toEqual([]);
  });

  test.each([
    [["--only", "imges"], "--only: received imges; expected loops, waits"],
    [["--cases", "many"], "--cases: received many; expected a number of at least 0"],
    [["--first", "-1"], "argument is ambiguous"],
  ])("%j is refused in a sentence", async (flags, expected) => {
    const { code, stderr } = await fuzzing([...flags]);
    expect(stderr).toContain(expected);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(code).toBe(2);
  });

  test("Ctrl-C leaves nothing behind", async () => {
    const flags = ["--folder", defects, "--only", "loops", "--case-seconds", "100"];
    const run = spawn(process.execPath, [script, ...flags], { env: env(), stdio: "pipe" });
    const before = await built();
    // Its process has begun when it has left a folder.
    const left = async () => (await readdir(temporary, { recursive: true })).join();
    while (!/left-/.test(await left())) await wait(50);
    expect((await built()).length).toBeGreaterThan(0);
    run.kill("SIGINT");
    expect(await once(run, "exit")).toEqual([130, null]);
    expect(await readdir(temporary)).toEqual([]);
    expect((await built()).filter((name) => !before.includes(name))).toEqual([]);
  });
});

test("--help prints the flags, and runs nothing", async () => {
  const child = spawn(process.execPath, [script, "--help"], { stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  child.stdout.on("data", (data) => {
    out += data;
  });
  const [status] = await once(child, "close");
  expect(status).toBe(0);
  expect(out).toMatch(/^Usage: npm run fuzz/);
  for (const flag of ["only", "cases", "seed", "first", "seconds", "case-seconds", "folder"]) {
    expect(out).toContain(`--${flag} <`);
  }
});
