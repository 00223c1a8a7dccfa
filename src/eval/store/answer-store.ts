import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { DatasetError } from "../../errors.js";
import { withFiles } from "../data/file-problem.js";
import { parseJson } from "../data/parse-rows.js";
import { writeFileAtomically } from "./atomic-file.js";
import { DurableLog, type LogFile } from "./durable-log.js";
import { makeFolder } from "./make-folder.js";
import { type LockOptions, lockRun, type RunLock } from "./run-lock.js";
import { type RunSettings, requireSameSettings } from "./run-settings.js";
import {
  type AnswerKey,
  answerKey,
  parseStored,
  type StoredAnswer,
  type StoredFailure,
  type StoredTiming,
} from "./stored-rows.js";
import { textOrNull } from "./text-or-null.js";

/** Files of a run's folder. */
export const RUN_FILES = {
  settings: "settings.json",
  answers: "answers.jsonl",
  failures: "failures.jsonl",
  timings: "timings.jsonl",
} as const;

/** Settings of {@link AnswerStore.open}. */
export interface StoreOptions {
  /** True for the answers of this run; a file that holds others is refused. All by default. */
  readonly expects?: (key: AnswerKey) => boolean;
  /** Forget which answers failed, so that they are asked for again; false by default. */
  readonly retryFailed?: boolean;
  readonly openFile?: (path: string) => Promise<LogFile>;
  readonly lock?: LockOptions;
}

/** The answers of one run on disk. */
export class AnswerStore {
  readonly #folder: string;
  readonly #answers: Map<string, StoredAnswer>;
  readonly #failures: Map<string, StoredFailure>;
  readonly #log: DurableLog;
  readonly #timings: DurableLog;
  readonly #lock: RunLock;
  /** Most runs have no failures, and no file of them. */
  #failureLog: DurableLog | null = null;

  private constructor(
    folder: string,
    stored: { answers: Map<string, StoredAnswer>; failures: Map<string, StoredFailure> },
    logs: { answers: DurableLog; timings: DurableLog },
    lock: RunLock,
  ) {
    this.#folder = folder;
    this.#answers = stored.answers;
    this.#failures = stored.failures;
    this.#log = logs.answers;
    this.#timings = logs.timings;
    this.#lock = lock;
  }

  /**
   * Begins a run in a folder, or goes on with the one that is there.
   *
   * @throws DatasetError when the folder holds a run with other settings, a damaged store or answers of
   *   another run, is in use, or cannot be written; nothing in it is changed then
   */
  static async open(
    folder: string,
    settings: RunSettings,
    { expects = () => true, retryFailed = false, openFile, lock: lockOptions }: StoreOptions = {},
  ): Promise<AnswerStore> {
    await makeFolder(folder);
    const lock = await withFiles(folder, () => lockRun(folder, lockOptions));
    const opened: DurableLog[] = [];
    try {
      return await withFiles(folder, async () => {
        await clearUnfinished(folder);
        await writeOrCheckSettings(folder, settings);
        const path = join(folder, RUN_FILES.answers);
        let stored = new Map<string, StoredAnswer>();
        const { log } = await DurableLog.open(path, openFile, (lines) => {
          stored = parseStored(lines, path, "text", expects);
        });
        opened.push(log);
        const failures = retryFailed ? new Map() : await readFailures(folder, stored, expects);
        const timings = await DurableLog.open(join(folder, RUN_FILES.timings));
        opened.push(timings.log);
        const logs = { answers: log, timings: timings.log };
        return new AnswerStore(folder, { answers: stored, failures }, logs, lock);
      });
    } catch (error) {
      for (const log of opened) await log.close();
      await lock.release();
      throw error;
    }
  }

  /** Number of answers and failures: what need not be asked any more. */
  get size(): number {
    return this.#answers.size + this.#failures.size;
  }

  /** True when it was answered, or has failed. */
  has(key: AnswerKey): boolean {
    return this.#answers.has(answerKey(key)) || this.#failures.has(answerKey(key));
  }

  /** All answers in the order they were stored. */
  answers(): StoredAnswer[] {
    return [...this.#answers.values()];
  }

  /** All answers that could not be had. */
  failures(): StoredFailure[] {
    return [...this.#failures.values()];
  }

  /** Stores answers and failures; they are on disk when it returns. */
  async append(
    answers: readonly StoredAnswer[],
    timings: readonly StoredTiming[],
    failures: readonly StoredFailure[] = [],
  ): Promise<void> {
    await this.#lock.check();
    await this.#log.append(answers.map((answer) => JSON.stringify(answer)));
    for (const answer of answers) this.#answers.set(answerKey(answer), answer);
    await this.#appendFailures(failures);
    const costs = timings.map((timing) => JSON.stringify(timing));
    await this.#timings.append(costs, { wait: false });
  }

  async #appendFailures(failures: readonly StoredFailure[]): Promise<void> {
    if (failures.length === 0) return;
    this.#failureLog ??= (await DurableLog.open(join(this.#folder, RUN_FILES.failures))).log;
    await this.#failureLog.append(failures.map((failure) => JSON.stringify(failure)));
    for (const failure of failures) this.#failures.set(answerKey(failure), failure);
  }

  async close(): Promise<void> {
    await this.#log.close();
    await this.#timings.close();
    await this.#failureLog?.close();
    await this.#lock.release();
  }
}

/** What failed and was not answered since. */
async function readFailures(
  folder: string,
  answers: ReadonlyMap<string, StoredAnswer>,
  expects: (key: AnswerKey) => boolean,
): Promise<Map<string, StoredFailure>> {
  const path = join(folder, RUN_FILES.failures);
  if (!(await readdir(folder)).includes(RUN_FILES.failures)) return new Map();
  let failures = new Map<string, StoredFailure>();
  const { log } = await DurableLog.open(path, undefined, (lines) => {
    failures = parseStored(lines, path, "error", expects);
  });
  await log.close();
  return new Map([...failures].filter(([key]) => !answers.has(key)));
}

/** Removes what a process that was killed while it wrote a file whole has left. */
async function clearUnfinished(folder: string): Promise<void> {
  const left = (await readdir(folder)).filter((name) => /\.\d+\.tmp$/.test(name));
  for (const name of left) await rm(join(folder, name), { force: true });
}

async function writeOrCheckSettings(folder: string, settings: RunSettings): Promise<void> {
  const path = join(folder, RUN_FILES.settings);
  const stored = await textOrNull(path);
  if (stored !== null) return requireSameSettings(parseJson(stored, path), settings, folder);
  const answers = await textOrNull(join(folder, RUN_FILES.answers));
  if (answers !== null && answers.length > 0) {
    throw new DatasetError(`${folder}: there are answers but no ${RUN_FILES.settings}; restore it`);
  }
  await writeFileAtomically(path, `${JSON.stringify(settings, null, 2)}\n`);
}

/** The stored timings of a run. They are kept without a promise: a line cut by a crash is passed over. */
export async function readTimings(folder: string): Promise<StoredTiming[]> {
  const text = await readFile(join(folder, RUN_FILES.timings), "utf8").catch(() => "");
  return text.split("\n").flatMap((line) => {
    try {
      const timing = JSON.parse(line) as StoredTiming | null;
      return typeof timing?.ms === "number" && typeof timing.tokens === "number" ? [timing] : [];
    } catch {
      return [];
    }
  });
}
