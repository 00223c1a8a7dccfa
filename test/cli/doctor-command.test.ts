import { spawnSync } from "node:child_process";
import { cp, mkdtemp, readdir, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHECKPOINTS } from "../global-setup.js";
import { main } from "./groundsight.js";

/** A clean folder with two copies of a checkpoint, of which one is damaged. */
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "groundsight-doctor-"));
  for (const name of ["whole", "broken"]) {
    await cp(`${CHECKPOINTS}concat`, join(folder, name), { recursive: true });
  }
  await truncate(join(folder, "broken", "onnx", "decoder_model_merged.onnx"), 9000);
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs the command in the folder, without a network, with a cache of its own. */
function doctor(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [main, "doctor", ...args, "--threads", "1", "--offline"],
    {
      encoding: "utf8",
      cwd: folder,
      env: { ...process.env, NO_COLOR: "1", GROUNDSIGHT_CACHE: join(folder, "cache") },
    },
  );
  return { status, stdout, stderr };
}

describe("doctor", () => {
  test("finds nothing wrong with a checkpoint that is whole, and leaves nothing behind", async () => {
    const { status, stdout, stderr } = doctor("./whole");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const lines = stdout.split("\n");
    expect(lines.filter((line) => line.startsWith("  pass "))).toHaveLength(22);
    expect(stdout).toMatch(/\n {2}pass {5}stock-tokens {10}16 greedy tokens, the same as in/);
    expect(stdout).toMatch(/\nMethods:\n {2}runs {5}regular\n/);
    expect(stdout).toMatch(/\n {2}token {4}[\d.]+ ms \(median\), [\d.]+ a second\n/);
    expect(lines.at(-2)).toBe("./whole (llava, fp32): no fault found");
    expect((await readdir(folder)).sort()).toEqual(["broken", "whole"]);
  });

  test("names the fault of a broken one, what to do, and what was skipped; status 1", () => {
    const { status, stdout, stderr } = doctor("./broken");
    expect({ status, stderr }).toEqual({ status: 1, stderr: "" });
    expect(stdout).toMatch(
      /\n {2}FAULT {4}decoder_model_merged {2}.*decoder_model_merged\.onnx cannot be read: it ends early.*\n +What to do: fetch the file again/,
    );
    expect(stdout).toMatch(/\n {2}skipped {2}opens {17}it needs decoder_model_merged/);
    expect(stdout).not.toContain("Methods:");
    expect(stdout.trim().split("\n").at(-1)).toMatch(
      /^\.\/broken \(llava, fp32\): 1 fault, \d+ of 22 checks skipped$/,
    );
  });

  test("prints JSON, with the fault and status 1 as well", () => {
    const { status, stdout, stderr } = doctor("./broken", "--json", "--no-stock");
    expect({ status, stderr }).toEqual({ status: 1, stderr: "" });
    const found = JSON.parse(stdout);
    expect(found).toMatchObject({ model: "./broken", family: "llava", healthy: false, cost: null });
    const faults = found.checks.filter((check: { status: string }) => check.status === "fault");
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatchObject({
      name: "decoder_model_merged",
      remedy: expect.stringMatching(/^fetch/),
    });
  });

  test("refuses a wrong option, and no model at all, as any command does", () => {
    expect(doctor("./whole", "--dtype", "q3").status).toBe(2);
    expect(doctor()).toMatchObject({ status: 2, stdout: "" });
  });

  test("a model that is not in the cache is a fault of its place", () => {
    expect(doctor("owner/name").stdout).toMatch(/FAULT {4}place .*is not in the cache/);
  });
});
