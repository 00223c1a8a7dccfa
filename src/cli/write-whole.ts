import { readlink, realpath, stat, writeFile } from "node:fs/promises";
import { writeFileAtomically } from "../eval/index.js";
import { DatasetError, InvalidArgumentError } from "../index.js";

/** What is no wrong use: a disk that is full or broken. */
const FAILURES = ["ENOSPC", "EDQUOT", "EIO", "EFBIG"];

/**
 * Writes a file whole or not at all. A link is followed and stays a link; a device or a pipe is written to, never
 * replaced.
 *
 * @throws InvalidArgumentError naming the path when it cannot be written; DatasetError when the disk is full or broken
 */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  try {
    const found = await stat(path).catch(() => undefined);
    const isLink = (await readlink(path).catch(() => undefined)) !== undefined;
    if (found?.isFile() === true) await writeFileAtomically(await realpath(path), content);
    else if (found === undefined && !isLink) await writeFileAtomically(path, content);
    else await writeFile(path, content);
  } catch (cause) {
    const { code = "", message } = cause as NodeJS.ErrnoException;
    const Failure = FAILURES.includes(code) ? DatasetError : InvalidArgumentError;
    throw new Failure(`cannot write ${path}: ${message}`, { cause });
  }
}
