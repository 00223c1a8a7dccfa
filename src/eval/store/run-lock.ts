import { open, readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { DatasetError } from "../../errors.js";

const LOCK_FILE = "run.lock";

/** Holds a run's folder for one process. */
export interface RunLock {
  release(): Promise<void>;
}

/**
 * Takes a run's folder for this process, so that two processes never write one store. A lock left by a
 * process of this machine that is gone is taken over.
 *
 * @throws DatasetError while another process holds the folder
 */
export async function lockRun(folder: string): Promise<RunLock> {
  const path = join(folder, LOCK_FILE);
  const owner = `${process.pid} ${hostname()}\n`;
  if (!(await create(path, owner))) {
    const holder = await readFile(path, "utf8").catch(() => "");
    if (isAlive(holder)) {
      throw new DatasetError(
        `${folder}: process ${holder.trim()} is writing this run; wait for it, use another --out, ` +
          `or remove ${path} if no such process exists`,
      );
    }
    await rm(path, { force: true });
    if (!(await create(path, owner))) {
      throw new DatasetError(`${folder}: another process has just taken this run`);
    }
  }
  return { release: () => rm(path, { force: true }) };
}

async function create(path: string, text: string): Promise<boolean> {
  try {
    const file = await open(path, "wx");
    await file.writeFile(text);
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** An empty or cut lock file comes from a process that died while writing it. */
function isAlive(holder: string): boolean {
  const [pid, host] = holder.trim().split(" ");
  if (pid === undefined || host === undefined) return false;
  if (host !== hostname()) return true;
  if (Number(pid) === process.pid) return true;
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
