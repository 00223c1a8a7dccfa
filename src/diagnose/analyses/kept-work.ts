import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { DurableLog, parseRows } from "../../eval/index.js";
import { DatasetError } from "../../index.js";
import type { KeepWork } from "../contract/analysis.js";

/** What a run that was stopped had done: a line for each result, by a key of all that it came of. */
export class KeptWork {
  readonly #path: string;
  readonly #log: DurableLog;
  readonly #done: Map<string, unknown>;
  readonly #of: string;
  readonly #images = new Map<string, string>();

  private constructor(path: string, log: DurableLog, done: Map<string, unknown>, of: string) {
    this.#path = path;
    this.#log = log;
    this.#done = done;
    this.#of = of;
  }

  /**
   * @param path file, begun where it is not there
   * @param of what all results come of besides their keys: the model
   * @throws DatasetError when the file cannot be written, or is no such file
   */
  static async open(path: string, of: string): Promise<KeptWork> {
    let done = new Map<string, unknown>();
    const { log } = await DurableLog.open(path, undefined, (lines) => {
      done = readDone(lines, path);
    });
    return new KeptWork(path, log, done, of);
  }

  /** See {@link KeepWork}. */
  readonly keep: KeepWork = async <T>(
    keys: readonly unknown[],
    work: (missing: readonly number[], store: (index: number, result: T) => void) => Promise<void>,
  ): Promise<T[]> => {
    const names = keys.map((key) => this.#nameOf(key));
    const missing = names.flatMap((name, i) => (this.#done.has(name) ? [] : [i]));
    let writing = Promise.resolve();
    const store = (index: number, result: T) => {
      const name = names[index]!;
      this.#done.set(name, result);
      writing = writing.then(() => this.#log.append([JSON.stringify({ key: name, result })]));
    };
    try {
      if (missing.length > 0) await work(missing, store);
    } finally {
      await writing;
    }
    return names.map((name) => this.#done.get(name) as T);
  };

  /** @param isDone removes the file: another run is to begin anew, not to trust what this one knew */
  async close(isDone: boolean): Promise<void> {
    await this.#log.close();
    if (isDone) rmSync(this.#path);
  }

  /** A key's hash: with bytes for what they hold, and files of images for their bytes. */
  #nameOf(key: unknown): string {
    const text = JSON.stringify([this.#of, key], (name, value: unknown) => {
      if (value instanceof AbortSignal) return undefined;
      if (value instanceof Uint8Array || value instanceof Uint8ClampedArray) return hashOf(value);
      if (name === "image" && typeof value === "string") return this.#imageOf(value);
      return value;
    });
    return hashOf(Buffer.from(text));
  }

  #imageOf(path: string): string {
    const known = this.#images.get(path) ?? (existsSync(path) ? hashOf(readFileSync(path)) : path);
    this.#images.set(path, known);
    return known;
  }
}

/** Keeps nothing. */
export const KEEP_NOTHING: KeepWork = async <T>(
  keys: readonly unknown[],
  work: (missing: readonly number[], store: (index: number, result: T) => void) => Promise<void>,
): Promise<T[]> => {
  const results: T[] = [];
  await work([...keys.keys()], (index, result) => {
    results[index] = result;
  });
  return results;
};

/** One result; see {@link KeepWork}. */
export async function keepOne<T>(keep: KeepWork, key: unknown, work: () => Promise<T>): Promise<T> {
  const [result] = await keep<T>([key], async (_, store) => store(0, await work()));
  return result!;
}

function hashOf(bytes: Uint8Array | Uint8ClampedArray): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function readDone(lines: readonly string[], path: string): Map<string, unknown> {
  if (lines.length === 0) return new Map();
  return new Map(
    parseRows(lines.join("\n"), path).map(({ value, where }) => {
      const { key, result } = (value ?? {}) as { key?: unknown; result?: unknown };
      if (typeof key !== "string" || result === undefined) {
        throw new DatasetError(`${where}: no work of a stopped run; remove the file`);
      }
      return [key, result];
    }),
  );
}
