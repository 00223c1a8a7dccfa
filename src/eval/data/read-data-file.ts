import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { DatasetError } from "../../errors.js";
import type { DataFile } from "../contract/benchmark.js";

/**
 * Reads a data file as UTF-8.
 *
 * @throws DatasetError naming the path when it cannot be read, or is no UTF-8
 */
export async function readDataFile(path: string): Promise<DataFile> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new DatasetError(`${path}: cannot be read; check the path`, { cause });
  }
  try {
    return { name: basename(path), text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch (cause) {
    throw new DatasetError(`${path}: not UTF-8 text; save the file as UTF-8`, { cause });
  }
}
