import pLimit from "p-limit";
import { AbortedError, DatasetError } from "../../errors.js";
import type { JudgeTask } from "../contract/judge-task.js";
import { parseRows } from "../data/parse-rows.js";
import { sha256 } from "../data/sha-256.js";
import { addCounts } from "../metrics/add-counts.js";
import { DurableLog } from "../store/durable-log.js";
import type { Judge } from "./judge.js";
import { verdictFault } from "./verdict-fault.js";

/** How the judging went. */
export interface JudgeTally {
  /** Verdicts asked for and got. */
  readonly judged: number;
  /** Verdicts that were stored before: no request was made. */
  readonly cached: number;
  /** Tasks without verdict after all attempts, by reason. */
  readonly failed: Readonly<Record<string, number>>;
}

/** How answers are judged. */
export interface JudgeAnswersOptions {
  /** File of stored verdicts; made when it is not there. */
  readonly cache: string;
  /** Requests at once, at least 1; 4 by default. */
  readonly concurrency?: number;
  readonly signal?: AbortSignal;
}

/**
 * A verdict for each task, null where the judge failed. Equal tasks are asked once. Verdicts are stored as
 * they come, keyed by judge and content of the task, so that judging again costs nothing; failures are not
 * stored. A verdict that does not follow the task's schema, or is not in its form, is a failure; one that was
 * stored earlier is asked for again.
 *
 * @throws DatasetError when the cache file is damaged or cannot be written
 * @throws AbortedError when the signal fires; verdicts got so far stay stored
 */
export async function judgeAnswers(
  judge: Judge,
  tasks: readonly JudgeTask[],
  { cache, concurrency = 4, signal }: JudgeAnswersOptions,
): Promise<{ verdicts: (string | null)[]; tally: JudgeTally }> {
  const { log, lines } = await DurableLog.open(cache);
  try {
    const stored = readCache(lines, cache);
    for (const task of stored.size === 0 ? [] : tasks) {
      const key = keyOf(judge, task);
      const verdict = stored.get(key);
      if (verdict !== undefined && verdictFault(task, verdict) !== null) stored.delete(key);
    }
    const missing = new Map(
      tasks.map((task) => [keyOf(judge, task), task] as const).filter(([key]) => !stored.has(key)),
    );
    const cached = stored.size === 0 ? 0 : tasks.filter((t) => stored.has(keyOf(judge, t))).length;
    const failed: Record<string, number> = {};
    const limit = pLimit(concurrency);
    let writing = Promise.resolve();
    const ask = async ([key, task]: readonly [string, JudgeTask]) => {
      let verdict: string;
      try {
        verdict = requireVerdict(task, await judge.ask(task, signal));
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        failed[reason] = (failed[reason] ?? 0) + 1;
        return;
      }
      stored.set(key, verdict);
      const line = JSON.stringify({ key, judge: judge.name, verdict });
      writing = writing.then(() => log.append([line]));
      await writing;
    };
    await Promise.all([...missing].map((entry) => limit(ask, entry)));
    if (signal?.aborted === true) throw new AbortedError("judging was aborted");
    const failures = Object.values(failed).reduce((sum, n) => sum + n, 0);
    return {
      verdicts: tasks.map((task) => stored.get(keyOf(judge, task)) ?? null),
      tally: { judged: missing.size - failures, cached, failed },
    };
  } finally {
    await log.close();
  }
}

/** A judge may be anyone's code. */
function requireVerdict(task: JudgeTask, verdict: unknown): string {
  if (typeof verdict !== "string") {
    throw new Error(`the judge gave a ${typeof verdict}; expected text`);
  }
  const fault = verdictFault(task, verdict);
  if (fault !== null) throw new Error(fault);
  return verdict;
}

function keyOf(judge: Judge, { prompt, schema }: JudgeTask): string {
  return sha256(JSON.stringify([judge.name, prompt, schema]));
}

function readCache(lines: readonly string[], path: string): Map<string, string> {
  if (lines.length === 0) return new Map();
  return new Map(
    parseRows(lines.join("\n"), path).map(({ value, where }) => {
      const { key, verdict } = (value ?? {}) as { key?: unknown; verdict?: unknown };
      if (typeof key !== "string" || typeof verdict !== "string") {
        throw new DatasetError(`${where}: no stored verdict; remove the line or the file`);
      }
      return [key, verdict];
    }),
  );
}

/** For example `12 judged, 3 from the cache, 1 failed (judge m: status 500)`. */
export function tallyText({ judged, cached, failed }: JudgeTally): string {
  const reasons = Object.entries(failed).map(([reason, n]) => `${n} failed (${reason})`);
  return [`${judged} judged`, `${cached} from the cache`, ...reasons].join(", ");
}

/** The sum of several tallies. */
export function addTallies(tallies: readonly JudgeTally[]): JudgeTally {
  return {
    judged: tallies.reduce((sum, { judged }) => sum + judged, 0),
    cached: tallies.reduce((sum, { cached }) => sum + cached, 0),
    failed: addCounts(tallies.map(({ failed }) => failed)),
  };
}
