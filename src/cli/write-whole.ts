import { rename, rm, writeFile } from "node:fs/promises";
import { InvalidArgumentError } from "../index.js";

/**
 * Writes a file whole or not at all: under another name first, then moved into place.
 *
 * @throws InvalidArgumentError naming the path when it cannot be written
 */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const part = `${path}.${process.pid}.part`;
  try {
    await writeFile(part, bytes);
    await rename(part, path);
  } catch (cause) {
    await rm(part, { force: true });
    throw new InvalidArgumentError(`cannot write ${path}: ${(cause as Error).message}`, { cause });
  }
}
