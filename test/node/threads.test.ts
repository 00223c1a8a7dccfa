import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession } from "onnxruntime-node";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { load } from "../../src/index.js";
import { GraphFile } from "../../src/node/graph-file.js";
import { defaultThreads, mostThreads } from "../../src/node/threads.js";
import { CHECKPOINTS } from "../global-setup.js";

const MiB = 2 ** 20;

test.each([
  [9 * MiB, 16, 1],
  [64 * MiB, 16, 1],
  [65 * MiB, 16, 2],
  [300 * MiB, 16, 5],
  [2000 * MiB, 16, undefined],
  [9 * MiB, 2, 1],
  [100 * MiB, 2, undefined],
  [5000 * MiB, 1, 1],
])("a graph of %d bytes gets, of %d cores, %s threads", (bytes, cores, threads) => {
  expect(defaultThreads(bytes, cores)).toBe(threads);
});

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "groundsight-"));
});
afterEach(() => rm(folder, { recursive: true }));

test("weights beside a graph count, other graphs do not", async () => {
  for (const [name, size] of [
    ["decoder.onnx", 100],
    ["decoder.onnx_data", 3000],
    ["vision.onnx", 50_000],
  ] as const) {
    await writeFile(join(folder, name), "");
    await truncate(join(folder, name), size);
  }
  expect(await new GraphFile(join(folder, "decoder.onnx")).bytes()).toBe(3100);
});

test("a small checkpoint is opened with one thread, and with those that are asked for", async () => {
  const create = vi.spyOn(InferenceSession, "create");
  for (const [options, threads] of [
    [{}, 1],
    [{ threads: 2 }, 2],
  ] as const) {
    await using _ = await load(`${CHECKPOINTS}concat`, options);
    for (const call of create.mock.calls as unknown[][]) {
      expect(call[1]).toMatchObject({ intraOpNumThreads: threads });
    }
    expect(create).toHaveBeenCalledTimes(3);
    create.mockClear();
  }
  create.mockRestore();
});

test("more threads than a machine has any use for are refused before any is made", async () => {
  expect([mostThreads(2), mostThreads(64)]).toEqual([64, 256]);
  const asked = load("pocket", { threads: 99_999 });
  await expect(asked).rejects.toThrow(/threads: received 99999; expected an integer from 1 to \d+/);
});
