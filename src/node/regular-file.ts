import { type Stats, statSync } from "node:fs";
import { ModelLoadError } from "../errors.js";

/**
 * Whether a file of a checkpoint is there, a link followed.
 *
 * @throws ModelLoadError when something else than a regular file has its name: a pipe or a device would never end
 */
export function isRegularFile(path: string): boolean {
  const found = stats(path);
  if (found === undefined || found.isFile()) return found !== undefined;
  const kind = found.isDirectory() ? "a folder" : "a pipe, socket or device";
  throw new ModelLoadError(`${path} is ${kind}; expected a regular file or a link to one`);
}

/** Whether a folder is there, a link followed. */
export function isFolder(path: string): boolean {
  return stats(path)?.isDirectory() === true;
}

function stats(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}
