import * as files from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { thisOwner } from "../../../src/eval/store/lock-owner.js";
import { lockRun } from "../../../src/eval/store/run-lock.js";

/** What others do between the look at the locks and the creation of a new one. */
let meanwhile: (() => Promise<void>) | undefined;
vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof files>();
  const link: typeof files.link = async (...args) => {
    const act = meanwhile;
    meanwhile = undefined;
    await act?.();
    return real.link(...args);
  };
  return { ...real, link };
});

let folder: string;
beforeEach(async () => {
  folder = await files.mkdtemp(join(tmpdir(), "lock-race-"));
});
afterEach(() => files.rm(folder, { recursive: true }));

test("a process that slept while the stale lock was taken over, released and taken anew does not hold beside the new holder", async () => {
  const path = join(folder, "run.lock");
  const gone = { ...(await thisOwner()), pid: 4194399 };
  const living = JSON.stringify(await thisOwner());
  await files.writeFile(path, JSON.stringify(gone));
  meanwhile = () => files.writeFile(path, living);
  await expect(lockRun(folder)).rejects.toThrow(/is writing this run/);
  expect(await files.readFile(path, "utf8")).toBe(living);
  expect(await files.readdir(folder)).toEqual(["run.lock"]);
});
