import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { DatasetError } from "../../errors.js";
import { parseJson, parseRows } from "../data/parse-rows.js";
import { writeFileAtomically } from "./atomic-file.js";
import { DurableLog, type LogFile } from "./durable-log.js";
import { type LockOptions, lockRun, type RunLock } from "./run-lock.js";
import { type RunSettings, requireSameSettings } from "./run-settings.js";

/** A stored answer. It holds nothing that differs between two runs of the same settings. */
export interface StoredAnswer {
  readonly set: string;
  readonly id: string;
  readonly method: string;
  /** Null for greedy decoding. */
  readonly seed: number | null;
  readonly text: string;
}

/** Which answer: the same set, question, method and seed. */
export type AnswerKey = Omit<StoredAnswer, "text">;

/** What an answer cost; kept apart, since it differs from run to run. */
export interface StoredTiming extends AnswerKey {
  /**
   * From asking to answer, in milliseconds. Image features and prompts that an earlier answer left in a
   * cache cost nothing here, so it says more about the order of the methods than about them.
   */
  readonly ms: number;
  /** Decoding alone, from the first token's logits to the end. Runs made before it was kept have none. */
  readonly decodeMs?: number;
  readonly tokens: number;
  /** Number of answers decoded together with it, itself included. */
  readonly batch?: number;
}

/** Files of a run's folder. */
export const RUN_FILES = {
  settings: "settings.json",
  answers: "answers.jsonl",
  timings: "timings.jsonl",
} as const;

/** A key as text, for maps. */
export function answerKey({ set, id, method, seed }: AnswerKey): string {
  return JSON.stringify([set, id, method, seed]);
}

/** Settings of {@link AnswerStore.open}. */
export interface StoreOptions {
  readonly openFile?: (path: string) => Promise<LogFile>;
  readonly lock?: LockOptions;
}

/** The answers of one run on disk. */
export class AnswerStore {
  readonly #answers: Map<string, StoredAnswer>;
  readonly #log: DurableLog;
  readonly #timings: DurableLog;
  readonly #lock: RunLock;

  private constructor(
    answers: Map<string, StoredAnswer>,
    log: DurableLog,
    timings: DurableLog,
    lock: RunLock,
  ) {
    this.#answers = answers;
    this.#log = log;
    this.#timings = timings;
    this.#lock = lock;
  }

  /**
   * Begins a run in a folder, or goes on with the one that is there.
   *
   * @throws DatasetError when the folder holds a run with other settings, a damaged store, or is in use
   */
  static async open(
    folder: string,
    settings: RunSettings,
    { openFile, lock: lockOptions }: StoreOptions = {},
  ): Promise<AnswerStore> {
    await mkdir(folder, { recursive: true });
    const lock = await lockRun(folder, lockOptions);
    const opened: DurableLog[] = [];
    try {
      await clearUnfinished(folder);
      await writeOrCheckSettings(folder, settings);
      const path = join(folder, RUN_FILES.answers);
      const { log, lines } = await DurableLog.open(path, openFile);
      opened.push(log);
      const answers = parseAnswers(lines, path);
      const timings = await DurableLog.open(join(folder, RUN_FILES.timings));
      return new AnswerStore(answers, log, timings.log, lock);
    } catch (error) {
      for (const log of opened) await log.close();
      await lock.release();
      throw error;
    }
  }

  /** Number of stored answers. */
  get size(): number {
    return this.#answers.size;
  }

  has(key: AnswerKey): boolean {
    return this.#answers.has(answerKey(key));
  }

  /** All answers in the order they were stored. */
  answers(): StoredAnswer[] {
    return [...this.#answers.values()];
  }

  /** Stores answers; they are on disk when it returns. */
  async append(answers: readonly StoredAnswer[], timings: readonly StoredTiming[]): Promise<void> {
    await this.#lock.check();
    await this.#log.append(answers.map((answer) => JSON.stringify(answer)));
    for (const answer of answers) this.#answers.set(answerKey(answer), answer);
    const costs = timings.map((timing) => JSON.stringify(timing));
    await this.#timings.append(costs, { wait: false });
  }

  async close(): Promise<void> {
    await this.#log.close();
    await this.#timings.close();
    await this.#lock.release();
  }
}

/** Removes what a process that was killed while it wrote a file whole has left. */
async function clearUnfinished(folder: string): Promise<void> {
  const left = (await readdir(folder)).filter((name) => /\.\d+\.tmp$/.test(name));
  for (const name of left) await rm(join(folder, name), { force: true });
}

async function writeOrCheckSettings(folder: string, settings: RunSettings): Promise<void> {
  const path = join(folder, RUN_FILES.settings);
  const stored = await readFile(path, "utf8").catch(() => null);
  if (stored !== null) return requireSameSettings(parseJson(stored, path), settings, folder);
  const answers = await readFile(join(folder, RUN_FILES.answers)).catch(() => null);
  if (answers !== null && answers.length > 0) {
    throw new DatasetError(`${folder}: there are answers but no ${RUN_FILES.settings}; restore it`);
  }
  await writeFileAtomically(path, `${JSON.stringify(settings, null, 2)}\n`);
}

function parseAnswers(lines: readonly string[], path: string): Map<string, StoredAnswer> {
  const answers = new Map<string, StoredAnswer>();
  if (lines.length === 0) return answers;
  for (const { value, where } of parseRows(lines.join("\n"), path)) {
    const answer = value as StoredAnswer;
    if (typeof answer?.text !== "string" || typeof answer.id !== "string") {
      throw new DatasetError(`${where}: no stored answer; restore the file or use another --out`);
    }
    const key = answerKey(answer);
    if (answers.has(key)) throw new DatasetError(`${where}: duplicate answer ${key}`);
    answers.set(key, answer);
  }
  return answers;
}

/** The stored timings of a run. They are kept without a promise: a line cut by a crash is passed over. */
export async function readTimings(folder: string): Promise<StoredTiming[]> {
  const text = await readFile(join(folder, RUN_FILES.timings), "utf8").catch(() => "");
  return text.split("\n").flatMap((line) => {
    try {
      return [JSON.parse(line) as StoredTiming];
    } catch {
      return [];
    }
  });
}
