import { type FileHandle, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { DatasetError } from "../../errors.js";
import { withFiles } from "../data/file-problem.js";
import { syncFolder } from "./atomic-file.js";

/** The part of a file handle that the log uses. */
export type LogFile = Pick<
  FileHandle,
  "write" | "datasync" | "truncate" | "readFile" | "stat" | "close"
>;

const LINE_END = 0x0a;
/** What every line of a log begins with. */
const LINE_START = Buffer.from('{"');

/**
 * Lines in a file that survive a killed process: `append` returns when the lines are on the disk. A line
 * cut by a crash or a full disk is removed, at once or when the log is next opened, so that the file
 * always holds whole lines only.
 */
export class DurableLog {
  readonly #file: LogFile;
  readonly #path: string;
  #size: number;

  private constructor(file: LogFile, path: string, size: number) {
    this.#file = file;
    this.#path = path;
    this.#size = size;
  }

  /**
   * Opens a log, or begins it, and returns it with its whole lines.
   *
   * @param check throws when these are not the log's lines; the file is not changed then
   * @throws DatasetError when the file cannot be opened, is no UTF-8, or ends in what is no line cut short
   */
  static async open(
    path: string,
    openFile: (path: string) => Promise<LogFile> = openForAppend,
    check: (lines: readonly string[]) => void = () => undefined,
  ): Promise<{ log: DurableLog; lines: string[] }> {
    return withFiles(path, async () => {
      const file = await openFile(path);
      try {
        const bytes = await file.readFile();
        const whole = bytes.lastIndexOf(LINE_END) + 1;
        const lines = linesOf(bytes.subarray(0, whole), path);
        check(lines);
        if (whole < bytes.length) {
          requireCutLine(bytes.subarray(whole), path);
          await file.truncate(whole);
        }
        await file.datasync();
        await syncFolder(dirname(path));
        return { log: new DurableLog(file, path, whole), lines };
      } catch (error) {
        await file.close();
        throw error;
      }
    });
  }

  /**
   * Appends lines and waits until the disk has them.
   *
   * @param lines without line ends
   * @param options `wait: false` leaves it to the system when they reach the disk
   * @throws DatasetError when they cannot be written (a full disk); none of them is kept then
   */
  async append(lines: readonly string[], { wait = true }: { wait?: boolean } = {}): Promise<void> {
    const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
    try {
      let written = 0;
      while (written < bytes.length) {
        const position = this.#size + written;
        const result = await this.#file.write(bytes, written, bytes.length - written, position);
        written += result.bytesWritten;
      }
      if (wait) await this.#file.datasync();
    } catch (cause) {
      await this.#file.truncate(this.#size).catch(() => undefined);
      throw new DatasetError(
        `${this.#path}: cannot be written (${(cause as Error).message}); what was stored before is ` +
          "safe: make room and run the same command again",
        { cause },
      );
    }
    this.#size += bytes.length;
  }

  /** Frees the file. */
  close(): Promise<void> {
    return this.#file.close();
  }
}

async function openForAppend(path: string): Promise<FileHandle> {
  const there = await stat(path).catch(() => null);
  if (there !== null && !there.isFile() && !there.isDirectory()) {
    throw new DatasetError(
      `${path}: a pipe or device; expected a file that can be read and written`,
    );
  }
  // "a+" would ignore write positions on Linux, so the file is made first and opened for both.
  await (await open(path, "a")).close();
  return open(path, "r+");
}

function linesOf(bytes: Buffer, path: string): string[] {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    return decoder
      .decode(bytes)
      .split("\n")
      .filter((line) => line !== "");
  } catch (cause) {
    throw new DatasetError(`${path} line ${brokenLine(bytes)}: no UTF-8; restore the file`, {
      cause,
    });
  }
}

function brokenLine(bytes: Buffer): number {
  let number = 1;
  for (let start = 0; start < bytes.length; number++) {
    const end = bytes.indexOf(LINE_END, start) + 1;
    const line = bytes.subarray(start, end);
    if (!Buffer.from(line.toString("utf8")).equals(line)) return number;
    start = end;
  }
  return number;
}

/** A crash leaves the beginning of a line, or zeros where a line was to come. Anything else is someone's data. */
function requireCutLine(rest: Buffer, path: string): void {
  const start = rest.subarray(0, LINE_START.length);
  if (start.equals(LINE_START.subarray(0, start.length))) return;
  if (rest.every((byte) => byte === 0)) return;
  throw new DatasetError(
    `${path}: its last ${rest.length} bytes are no line of this file; restore it, or remove them`,
  );
}
