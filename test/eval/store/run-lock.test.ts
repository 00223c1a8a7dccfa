import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DatasetError } from "../../../src/errors.js";
import {
  type LockOwner,
  parseOwner,
  stateOf,
  thisOwner,
} from "../../../src/eval/store/lock-owner.js";
import { lockRun } from "../../../src/eval/store/run-lock.js";
import { hasNamespaces, UNSHARE } from "../namespaces.js";

// It runs the package as it is built before the tests (test/global-setup.ts).
const script = fileURLToPath(new URL("hold-lock.mjs", import.meta.url));
const FAST = { beatMs: 20, missedBeats: 4 };
const NO_PROCESS = 4194399;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lock-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const locks = async () => (await readdir(folder)).filter((name) => name.startsWith("run.lock"));
const leave = (owner: Partial<LockOwner> | string, name = "run.lock") =>
  writeFile(join(folder, name), typeof owner === "string" ? owner : JSON.stringify(owner));

/** A lock of a process of this machine that is gone. */
const deadOwner = async () => ({ ...(await thisOwner()), pid: NO_PROCESS });

const next = async (child: ChildProcess) => String((await once(child, "message"))[0]);

/** Four processes, started and ready to take the lock. */
async function fourProcesses(): Promise<ChildProcess[]> {
  const children = Array.from({ length: 4 }, () => fork(script, [folder, "40"]));
  expect(await Promise.all(children.map(next))).toEqual(Array(4).fill("ready"));
  return children;
}

/** All take the lock at one moment; what each said when it was done. */
function contest(children: readonly ChildProcess[]): Promise<string[]> {
  const said = children.map(next);
  for (const child of children) child.send("take");
  return Promise.all(said);
}

describe("one writer", () => {
  // npm run test:kills starts four new processes each time; otherwise they are started once.
  const afresh = process.env.GROUNDSIGHT_KILLS !== undefined;
  test.each([
    ["a stale lock", 50, ["run.lock"]],
    ["stale locks of two generations", 20, ["run.lock", "run.lock.1"]],
    ["no lock", 20, []],
  ])("four processes on %s, %i times: always one holder at a time", async (_, times, stale) => {
    let children = await fourProcesses();
    for (let time = 0; time < times; time++) {
      if (afresh && time > 0) children = await fourProcesses();
      for (const name of stale) await leave(await deadOwner(), name);
      const said = await contest(children);
      expect(said.filter((text) => text === "held").length).toBeGreaterThanOrEqual(1);
      expect(said.filter((text) => !/^(held|refused: .*)$/.test(text))).toEqual([]);
      expect(await locks()).toEqual([]);
      if (afresh) for (const child of children) child.kill();
    }
    for (const child of children) child.kill();
  });

  test("a second taking within one process is refused, with what to do", async () => {
    const lock = await lockRun(folder);
    const message = `${folder}: process ${process.pid} of ${hostname()} is writing this run; wait for it`;
    await expect(lockRun(folder)).rejects.toThrow(DatasetError);
    await expect(lockRun(folder)).rejects.toThrow(message);
    await lock.release();
    await (await lockRun(folder)).release();
    expect(await locks()).toEqual([]);
  });

  test("a lock is whole from its first moment and leaves no other file", async () => {
    const lock = await lockRun(folder);
    expect(await locks()).toEqual(["run.lock"]);
    expect(parseOwner(await readFile(join(folder, "run.lock"), "utf8"))?.pid).toBe(process.pid);
    await lock.release();
  });

  test("who has lost the lock is told before writing, and does not remove another's", async () => {
    const lock = await lockRun(folder);
    const other = { ...(await thisOwner()), pid: 1 };
    await leave(other);
    await expect(lock.check()).rejects.toThrow(/has lost the run to another/);
    await lock.release();
    expect(parseOwner(await readFile(join(folder, "run.lock"), "utf8"))).toEqual(other);
  });
});

describe("whose lock it is", () => {
  test("this process with the same id, but started at another time: taken over at once", async () => {
    await leave({ ...(await thisOwner()), start: "1" });
    await (await lockRun(folder)).release();
  });

  test("pid 1 of this host in a lock of version 0.1.0, whose owner is gone", async () => {
    await leave(`${process.pid} ${hostname()}\n`);
    await (await lockRun(folder)).release();
    await leave(`${process.ppid} ${hostname()}\n`);
    await expect(lockRun(folder)).rejects.toThrow(/is writing this run/);
  });

  test.each([
    ["another container", { namespace: "pid:[1]" }],
    ["an earlier boot", { boot: "0" }],
    ["another machine", { host: "elsewhere" }],
    ["a system without /proc", { start: null }],
  ])("%s: its heartbeat decides", async (_, difference) => {
    const owner = { ...(await thisOwner()), ...difference };
    expect(await stateOf(owner, await thisOwner())).toBe("unknown");
    await leave(owner);
    const writing = setInterval(() => void leave(owner), FAST.beatMs);
    await expect(lockRun(folder, FAST)).rejects.toThrow(/is writing this run/);
    clearInterval(writing);
    await new Promise((done) => setTimeout(done, 2 * FAST.beatMs));
    await (await lockRun(folder, FAST)).release();
    expect(await locks()).toEqual([]);
  });

  test("an empty lock file is of a process that died while it wrote", async () => {
    await leave("");
    await (await lockRun(folder, FAST)).release();
  });

  test("without /proc on both sides, a holder's heartbeat keeps others away", async () => {
    const lock = await lockRun(folder, FAST);
    const path = join(folder, "run.lock");
    const { nonce, ...rest } = parseOwner(await readFile(path, "utf8"))!;
    // The same file under a nonce that this process does not know, as another process sees it.
    await writeFile(path, JSON.stringify({ ...rest, start: null, nonce: `${nonce}x` }));
    await expect(lockRun(folder, FAST)).rejects.toThrow(/is writing this run/);
    await lock.release();
  });
});

describe.skipIf(!hasNamespaces())("in a container, where every process has id 1", () => {
  const start = (ms: string) => {
    const [program = "", ...rest] = [...UNSHARE, process.execPath, script, folder, ms, "50", "6"];
    const child = spawn(program, rest);
    const said = once(child.stdout, "data").then(([data]) => String(data));
    return { child, said };
  };

  test("a second is refused while the first lives; after kill -9 the next takes over", async () => {
    await mkdir(folder, { recursive: true });
    const first = start("60000");
    expect(await first.said).toBe("held\n");
    expect(parseOwner(await readFile(join(folder, "run.lock"), "utf8"))?.pid).toBe(1);
    const second = start("0");
    expect(await second.said).toMatch(/^refused: .*process 1 of/);
    first.child.kill("SIGKILL");
    await once(first.child, "exit");
    await rm(join(folder, "inside"));
    const third = start("0");
    expect(await third.said).toBe("held\n");
    await once(third.child, "exit");
    expect(await locks()).toEqual([]);
  });
});
