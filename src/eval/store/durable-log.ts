import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { DatasetError } from "../../errors.js";
import { syncFolder } from "./atomic-file.js";

/** The part of a file handle that the log uses. */
export type LogFile = Pick<
  FileHandle,
  "write" | "datasync" | "truncate" | "readFile" | "stat" | "close"
>;

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

  /** Opens a log, or begins it, and returns it with its whole lines. */
  static async open(
    path: string,
    openFile: (path: string) => Promise<LogFile> = openForAppend,
  ): Promise<{ log: DurableLog; lines: string[] }> {
    const file = await openFile(path);
    try {
      const bytes = await file.readFile();
      const whole = bytes.lastIndexOf(0x0a) + 1;
      if (whole < bytes.length) await file.truncate(whole);
      await file.datasync();
      await syncFolder(dirname(path));
      const text = bytes.subarray(0, whole).toString("utf8");
      const lines = text.split("\n").filter((line) => line !== "");
      return { log: new DurableLog(file, path, whole), lines };
    } catch (error) {
      await file.close();
      throw error;
    }
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

  close(): Promise<void> {
    return this.#file.close();
  }
}

async function openForAppend(path: string): Promise<FileHandle> {
  // "a+" would ignore write positions on Linux, so the file is made first and opened for both.
  await (await open(path, "a")).close();
  return open(path, "r+");
}
