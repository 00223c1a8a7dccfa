import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

// The built package, as a worker runs files and not the test runner's modules.
const guard = new URL("../../dist/node/worker/exit-guard.js", import.meta.url).href;

/** A worker that is in the midst of native code when its process exits, and would begin another run then. */
const worker = (folder: string) => `
  import { writeFileSync } from "node:fs";
  import { parentPort, workerData } from "node:worker_threads";
  import { nativeRun, tellRuns } from ${JSON.stringify(guard)};
  tellRuns(workerData);
  const still = new Int32Array(new SharedArrayBuffer(4));
  await nativeRun(async () => {
    parentPort.postMessage("begun");
    const isExiting = () => Atomics.load(new Int32Array(workerData), 1) === 1;
    for (let i = 0; i < 500 && !isExiting(); i++) Atomics.wait(still, 0, 0, 20);
    void nativeRun(async () => writeFileSync(${JSON.stringify(join(folder, "second"))}, ""));
    writeFileSync(${JSON.stringify(join(folder, "ended"))}, "");
  });`;

const main = (folder: string) => `
  import { Worker } from "node:worker_threads";
  import { watchRuns } from ${JSON.stringify(guard)};
  const { memory } = watchRuns();
  const thread = new Worker(${JSON.stringify(join(folder, "worker.mjs"))}, { workerData: memory, execArgv: [] });
  thread.once("message", () => process.exit(7));`;

test("a process that exits waits for the native run of its worker, which begins no other", async () => {
  const folder = await mkdtemp(join(tmpdir(), "groundsight-"));
  await writeFile(join(folder, "worker.mjs"), worker(folder));
  const run = spawnSync(process.execPath, ["--input-type=module", "-e", main(folder)], {
    encoding: "utf8",
    timeout: 60_000,
  });
  expect({ status: run.status, errors: run.stderr }).toEqual({ status: 7, errors: "" });
  expect(existsSync(join(folder, "ended"))).toBe(true);
  expect(existsSync(join(folder, "second"))).toBe(false);
  await rm(folder, { recursive: true });
});
