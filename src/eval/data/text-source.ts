import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { DatasetError, GroundsightError } from "../../errors.js";
import { csvLines } from "./csv-rows.js";
import { parquetPieces } from "./parquet-rows.js";
import { MOST_UNPACKED, refuseEndless } from "./refuse-endless.js";

/** A file as text in pieces, so that nobody has to hold it whole. */
export interface TextSource {
  /** For messages: the file's name, behind that of its folder where a folder was given. */
  readonly name: string;
  /** What a line of the text is called in messages: tables have rows. */
  readonly unit: "line" | "row";
  /**
   * The text from its beginning. What cannot be read, is no UTF-8 or is packed wrongly throws a DatasetError.
   */
  readonly pieces: () => AsyncIterable<string>;
}

/** Longer lines are no rows: a whole file without line ends would be held otherwise. */
const LONGEST_LINE = 2 ** 26;
/** Files of a folder that hold rows; others (a README, images) are passed over. */
const ROW_FILE = /^[^.].*\.(jsonl|json|ndjson|txt|tsv|csv|parquet)(\.gz)?$/i;
/** How zip archives begin, empty and split ones too. */
const ZIP: readonly string[] = ["PK\u0003\u0004", "PK\u0005\u0006", "PK\u0007\u0008"];

/**
 * The file of a path; of a folder, all its files that hold rows, by name. Gzip files are unpacked, and the rows
 * of Parquet and CSV tables come as lines of JSON.
 *
 * @param mostUnpacked how many bytes each packed file may have when it is unpacked
 * @throws DatasetError when the path cannot be read, or a folder has no such file
 */
export async function textSources(
  path: string,
  mostUnpacked: number = MOST_UNPACKED,
): Promise<TextSource[]> {
  const isFolder = await unreadable(path, async () => (await stat(path)).isDirectory());
  if (!isFolder) return [sourceOf(path, basename(path), mostUnpacked)];
  const entries = await unreadable(path, () => readdir(path, { withFileTypes: true }));
  const files = entries.filter((one) => !one.isDirectory() && ROW_FILE.test(one.name));
  if (files.length === 0) {
    throw new DatasetError(
      `${path}: the folder has no file of rows; expected .jsonl, .json, .txt, .tsv, .csv or .parquet, or these with .gz`,
    );
  }
  const names = files.map(({ name }) => name).sort();
  return names.map((name) => sourceOf(join(path, name), `${basename(path)}/${name}`, mostUnpacked));
}

/**
 * The lines of a text, as many at a time as a piece holds.
 *
 * @throws DatasetError when a line is too long to be held
 */
export async function* linesOf({ name, pieces }: TextSource): AsyncGenerator<string[]> {
  let rest = "";
  for await (const piece of pieces()) {
    rest += piece;
    if (piece.includes("\n")) {
      const lines = rest.split("\n");
      rest = lines.pop() ?? "";
      yield lines;
    } else if (rest.length > LONGEST_LINE) {
      throw new DatasetError(
        `${name}: a line of more than ${LONGEST_LINE} characters; expected one row a line`,
      );
    }
  }
  if (rest !== "") yield [rest];
}

function sourceOf(path: string, name: string, most: number): TextSource {
  if (/\.parquet$/i.test(path)) {
    return { name, unit: "row", pieces: () => parquetPieces(path, most) };
  }
  return /\.csv(\.gz)?$/i.test(path)
    ? { name, unit: "row", pieces: () => csvLines(textPieces(path, most), name) }
    : { name, unit: "line", pieces: () => textPieces(path, most) };
}

async function* textPieces(path: string, most: number): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    for await (const bytes of unpacked(createReadStream(path), path, most)) {
      yield decoder.decode(bytes, { stream: true });
    }
    yield decoder.decode();
  } catch (cause) {
    throw problemOf(path, cause);
  }
}

/** The bytes of a file; those of a gzip file, which its first two bytes tell, unpacked. */
async function* unpacked(
  bytes: AsyncIterable<Buffer>,
  path: string,
  most: number,
): AsyncGenerator<Buffer> {
  const chunks = bytes[Symbol.asyncIterator]();
  const first = await chunks.next();
  if (first.done === true) return;
  if (ZIP.includes(first.value.toString("latin1", 0, 4))) {
    await chunks.return?.();
    throw new DatasetError(`${path}: a zip archive, which is not read; unpack it`);
  }
  const all = Readable.from(withFirst(first.value, { [Symbol.asyncIterator]: () => chunks }));
  if (first.value[0] !== 0x1f || first.value[1] !== 0x8b) return yield* all;
  let size = 0;
  for await (const chunk of pipeline(all, createGunzip(), () => {})) {
    size += (chunk as Buffer).length;
    refuseEndless(path, size, most);
    yield chunk as Buffer;
  }
}

async function* withFirst(first: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  yield* rest;
}

async function unreadable<T>(path: string, task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (cause) {
    throw problemOf(path, cause);
  }
}

function problemOf(path: string, cause: unknown): unknown {
  if (GroundsightError.isInstance(cause)) return cause;
  const { code = "", syscall, message } = cause as NodeJS.ErrnoException;
  if (code === "ERR_ENCODING_INVALID_ENCODED_DATA") {
    return new DatasetError(`${path}: not UTF-8 text; save the file as UTF-8`, { cause });
  }
  if (code.startsWith("Z_")) {
    return new DatasetError(
      `${path}: no whole gzip file (${message}); pack it again, or give it unpacked`,
      { cause },
    );
  }
  if (syscall === undefined) return cause;
  return new DatasetError(`${path}: cannot be read; check the path`, { cause });
}
