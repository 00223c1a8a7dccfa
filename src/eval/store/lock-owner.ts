import { randomUUID } from "node:crypto";
import { readFile, readlink } from "node:fs/promises";
import { hostname } from "node:os";

/**
 * Who holds a lock. Process ids are reused, and every container begins with 1: only machine, boot, process
 * namespace and start time together name a process. What a system does not tell is null.
 */
export interface LockOwner {
  readonly pid: number;
  readonly host: string;
  /** Of this boot of the kernel. */
  readonly boot: string | null;
  /** In which the process id counts. */
  readonly namespace: string | null;
  /** Start of the process, in clock ticks since boot. */
  readonly start: string | null;
  /** Of this one taking; null in locks of version 0.1.0. */
  readonly nonce: string | null;
}

/** `unknown`: only its heartbeat can tell. */
export type OwnerState = "alive" | "gone" | "unknown";

/** Nonces of the locks that this process holds. */
export const held: Set<string> = new Set();

/** This process as the owner of a new lock. */
export async function thisOwner(): Promise<LockOwner & { nonce: string }> {
  const { pid } = process;
  const [boot, namespace, shown] = await Promise.all([
    readFile("/proc/sys/kernel/random/boot_id", "utf8").then((text) => text.trim(), none),
    readlink("/proc/self/ns/pid").catch(none),
    readlink("/proc/self").catch(none),
  ]);
  // A /proc that was mounted for another process namespace tells of other processes.
  const start = shown === String(pid) ? await startOf(pid) : null;
  return { pid, host: hostname(), boot, namespace, start, nonce: randomUUID() };
}

/** Reads what a lock file holds; null when it is empty or cut. */
export function parseOwner(text: string): LockOwner | null {
  const old = /^(\d+) (\S+)\n$/.exec(text);
  if (old !== null) {
    const unknown = { boot: null, namespace: null, start: null, nonce: null };
    return { pid: Number(old[1]), host: String(old[2]), ...unknown };
  }
  try {
    const owner = JSON.parse(text) as LockOwner | null;
    return Number.isSafeInteger(owner?.pid) && typeof owner?.nonce === "string" ? owner : null;
  } catch {
    return null;
  }
}

/**
 * Whether an owner still runs, as far as this process can see it: only in its own process namespace of the
 * same boot of the same machine.
 */
export async function stateOf(owner: LockOwner, self: LockOwner): Promise<OwnerState> {
  if (owner.nonce !== null && held.has(owner.nonce)) return "alive";
  if (owner.host !== self.host) return owner.nonce === null ? "alive" : "unknown";
  if (owner.nonce === null) return owner.pid !== self.pid && exists(owner.pid) ? "alive" : "gone";
  if (owner.boot !== self.boot || owner.namespace !== self.namespace) return "unknown";
  if (!exists(owner.pid)) return "gone";
  const start = self.start === null ? null : await startOf(owner.pid);
  if (start === null || owner.start === null) return "unknown";
  return start === owner.start ? "alive" : "gone";
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Field 22 of `/proc/<pid>/stat`, counted from behind the name, which may hold blanks and brackets. */
async function startOf(pid: number): Promise<string | null> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(none);
  if (text === null) return null;
  return text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? null;
}

const none = () => null;
