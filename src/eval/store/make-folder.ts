import { mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { withFiles } from "../data/file-problem.js";

/**
 * Makes a folder with those above it. (Node's own recursive `mkdir` never ends below /proc.)
 *
 * @throws DatasetError when it cannot be made
 */
export async function makeFolder(path: string): Promise<void> {
  await withFiles(path, () => make(resolve(path)));
}

async function make(path: string): Promise<void> {
  const there = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  if (there?.isDirectory()) return;
  if (there === null && dirname(path) !== path) await make(dirname(path));
  await mkdir(path).catch(async (error: NodeJS.ErrnoException) => {
    const made = error.code === "EEXIST" && (await stat(path)).isDirectory();
    if (!made) throw error;
  });
}
