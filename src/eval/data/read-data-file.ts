import { constants } from "node:buffer";
import { basename } from "node:path";
import { DatasetError } from "../../errors.js";
import type { DataFile } from "../contract/benchmark.js";
import { type TextSource, textSources } from "./text-source.js";

/**
 * Reads a data file as UTF-8. A gzip file is unpacked; the rows of a Parquet or CSV table become lines of JSON;
 * the files of a folder become one, with its parts.
 *
 * @throws DatasetError naming the path when it cannot be read, is no UTF-8, or is longer than a text can be
 * @throws UnsupportedCapabilityError for a Parquet file where DuckDB is not installed
 */
export async function readDataFile(path: string): Promise<DataFile> {
  const parts: DataFile[] = [];
  for (const source of await textSources(path)) parts.push(await wholeOf(source));
  const [only, ...others] = parts;
  if (only !== undefined && others.length === 0) return only;
  return { name: basename(path), text: parts.map(({ text }) => text).join("\n"), parts };
}

async function wholeOf({ name, unit, pieces }: TextSource): Promise<DataFile> {
  const texts: string[] = [];
  let length = 0;
  for await (const piece of pieces()) {
    length += piece.length;
    refuseTooLong(name, length);
    texts.push(piece);
  }
  return { name, text: texts.join(""), ...(unit === "row" ? { unit } : {}) };
}

/** The files of a folder, or the one file. */
export function partsOf(file: DataFile): readonly DataFile[] {
  return file.parts ?? [file];
}

/** @throws DatasetError for a text that is too long to be held whole */
export function refuseTooLong(name: string, length: number): void {
  if (length <= constants.MAX_STRING_LENGTH) return;
  throw new DatasetError(
    `${name}: longer than ${constants.MAX_STRING_LENGTH} characters, the most that is read whole; split the file`,
  );
}
