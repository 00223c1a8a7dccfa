import type { JudgeTask } from "../contract/judge-task.js";

/** Asks a judge. Rejects when there is no verdict after all attempts. */
export type AskJudge = (task: JudgeTask, signal?: AbortSignal) => Promise<string>;

/** A judge with a name that stands for everything its verdicts depend on. */
export interface Judge {
  /** For example the model; part of the cache key. */
  readonly name: string;
  readonly ask: AskJudge;
}
