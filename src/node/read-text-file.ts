import { readFileSync } from "node:fs";
import { ModelLoadError } from "../errors.js";
import { isRegularFile } from "./regular-file.js";

/**
 * The text of a checkpoint's file, without a byte order mark; undefined when it is not there.
 *
 * @throws ModelLoadError when it is no regular file, or cannot be read
 */
export function readTextFile(path: string): string | undefined {
  if (!isRegularFile(path)) return undefined;
  try {
    return readFileSync(path, "utf8").replace(/^\uFEFF/, "");
  } catch (cause) {
    throw new ModelLoadError(`cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** The content of a checkpoint's JSON file; undefined when it is not there. @throws ModelLoadError naming the file */
export function readJsonFile(path: string): unknown {
  const text = readTextFile(path);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ModelLoadError(`${path} is not valid JSON: ${(cause as Error).message}`, { cause });
  }
}
