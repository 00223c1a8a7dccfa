import { link, open, readdir, rm, utimes } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { DatasetError } from "../../errors.js";
import { held, type LockOwner, parseOwner, stateOf, thisOwner } from "./lock-owner.js";
import { textOrNull } from "./text-or-null.js";

/** Holds a run's folder for one process. */
export interface RunLock {
  /** @throws DatasetError when the lock is not this process's own any more */
  check(): Promise<void>;
  /** Removes the lock, if it is still this process's own. */
  release(): Promise<void>;
}

/** Settings of {@link lockRun}. */
export interface LockOptions {
  /** How often a holder shows that it lives. */
  readonly beatMs?: number;
  /** After how many missed beats the holder of a lock is taken for dead, where nothing else can tell. */
  readonly missedBeats?: number;
}

type Own = LockOwner & { readonly nonce: string };

/** A lock file as it was found. */
interface Found {
  readonly path: string;
  readonly generation: number;
  readonly text: string;
}

const ATTEMPTS = 20;
const LOCK = /^run\.lock(?:\.(\d+))?$/;
const CLAIM = /^run\.lock\.[-0-9a-f]{36}\.tmp$/;
const NO_LINKS = ["EPERM", "ENOSYS", "ENOTSUP", "EOPNOTSUPP"];

/**
 * Takes a run's folder for this process, so that two processes never write one store.
 *
 * Locks have generations (`run.lock`, `run.lock.1`, ...). A lock whose owner is gone is never removed to make
 * room: its heir creates the next generation, which only one process can, and removes the old one afterwards.
 * Whoever has created a lock looks again, and holds the folder only if it finds no other living lock. Of two
 * processes, the one that looks last sees the other's file: at most one holds.
 *
 * @throws DatasetError while another process holds the folder
 */
export async function lockRun(
  folder: string,
  { beatMs = 2000, missedBeats = 10 }: LockOptions = {},
): Promise<RunLock> {
  const self = await thisOwner();
  held.add(self.nonce);
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const there = await locksIn(folder);
      await refuseLiving(folder, there, self, beatMs, missedBeats);
      const generation = 1 + Math.max(-1, ...there.map((lock) => lock.generation));
      const path = join(folder, generation === 0 ? "run.lock" : `run.lock.${generation}`);
      if (await create(path, self)) {
        if (await isAlone(folder, path, self, there)) {
          await clear(folder, there);
          return hold(path, self, beatMs);
        }
        await removeOwn(path, self);
      }
      await wait(5 + 20 * Math.random());
    }
    throw new DatasetError(`${folder}: other processes are taking this run; try again`);
  } catch (error) {
    held.delete(self.nonce);
    throw error;
  }
}

async function locksIn(folder: string): Promise<Found[]> {
  const found: Found[] = [];
  for (const name of await readdir(folder)) {
    const match = LOCK.exec(name);
    if (match === null) continue;
    const path = join(folder, name);
    const text = await textOrNull(path);
    if (text !== null) found.push({ path, generation: Number(match[1] ?? 0), text });
  }
  return found;
}

/** Where an owner's process cannot be looked at (another machine, another container), its heartbeat decides. */
async function refuseLiving(
  folder: string,
  locks: readonly Found[],
  self: LockOwner,
  beatMs: number,
  missedBeats: number,
): Promise<void> {
  const living = await Promise.all(
    locks.map(async ({ path, text }) => {
      const owner = parseOwner(text);
      const state = owner === null ? "unknown" : await stateOf(owner, self);
      if (state === "unknown") return beats(path, beatMs, missedBeats);
      return state === "alive";
    }),
  );
  const holder = locks[living.indexOf(true)];
  if (holder === undefined) return;
  const owner = parseOwner(holder.text);
  throw new DatasetError(
    `${folder}: process ${owner?.pid ?? "?"} of ${owner?.host ?? "?"} is writing this run; wait for it, ` +
      `use another --out, or remove ${holder.path} if no such process exists`,
  );
}

/** True as soon as the file's time changes. Looks are counted, not time: this process may have been asleep. */
async function beats(path: string, beatMs: number, missedBeats: number): Promise<boolean> {
  const first = await timeOf(path);
  for (let looks = 0; looks < missedBeats; looks++) {
    await wait(beatMs);
    const time = await timeOf(path);
    if (time !== first) return time !== null;
  }
  return false;
}

/** Opened anew each time, since network file systems tell the truth then only. */
async function timeOf(path: string): Promise<bigint | null> {
  const file = await open(path, "r").catch(() => null);
  if (file === null) return null;
  const { mtimeNs } = await file.stat({ bigint: true });
  await file.close();
  return mtimeNs;
}

/** Creates a lock with all its content at once; false when the name is taken. */
async function create(path: string, self: Own): Promise<boolean> {
  const text = JSON.stringify(self);
  const claim = join(path, "..", `run.lock.${self.nonce}.tmp`);
  try {
    await writeNew(claim, text);
    await link(claim, path).catch((error: NodeJS.ErrnoException) => {
      if (NO_LINKS.includes(error.code ?? "")) return writeNew(path, text);
      throw error;
    });
    return true;
  } catch (error) {
    // ENOENT: who has just taken the run has cleared the claims of all others.
    if (["EEXIST", "ENOENT"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  } finally {
    await rm(claim, { force: true });
  }
}

async function writeNew(path: string, text: string): Promise<void> {
  const file = await open(path, "wx");
  try {
    await file.writeFile(text);
  } finally {
    await file.close();
  }
}

/** True when the own lock is there, and none besides it but those whose owners were found gone. */
async function isAlone(
  folder: string,
  path: string,
  self: Own,
  gone: readonly Found[],
): Promise<boolean> {
  const now = await locksIn(folder);
  const isDead = (lock: Found) => gone.some((g) => g.path === lock.path && g.text === lock.text);
  return (
    now.some((lock) => lock.path === path && isOwn(lock.text, self)) &&
    now.every((lock) => lock.path === path || isDead(lock))
  );
}

function isOwn(text: string | null, { nonce }: Own): boolean {
  return text !== null && parseOwner(text)?.nonce === nonce;
}

async function clear(folder: string, gone: readonly Found[]): Promise<void> {
  for (const { path, text } of gone) if ((await textOrNull(path)) === text) await rm(path);
  const claims = (await readdir(folder)).filter((name) => CLAIM.test(name));
  for (const name of claims) await rm(join(folder, name), { force: true });
}

async function removeOwn(path: string, self: Own): Promise<void> {
  if (isOwn(await textOrNull(path).catch(() => null), self)) await rm(path, { force: true });
}

function hold(path: string, self: Own, beatMs: number): RunLock {
  const beat = () => utimes(path, new Date(), new Date()).catch(() => undefined);
  const timer = setInterval(() => void beat(), beatMs);
  timer.unref();
  return {
    check: async () => {
      if (isOwn(await textOrNull(path), self)) return;
      throw new DatasetError(
        `${path}: this process has lost the run to another; what was stored before is safe`,
      );
    },
    release: async () => {
      clearInterval(timer);
      await removeOwn(path, self);
      held.delete(self.nonce);
    },
  };
}
