import type { Counts, ScoredQuestion } from "../contract/benchmark.js";
import { addCounts } from "../metrics/add-counts.js";
import { answerKey, type StoredAnswer, type StoredTiming } from "../store/stored-rows.js";

/** How an answer ended: at the limit of its tokens, or by itself. */
export type Finish = "length" | "stop";

/**
 * How each answer ended, by its question. Runs of older versions did not keep it: there an answer that is shorter
 * than the limit ended by itself, and of one as long as the limit nobody knows.
 *
 * @param answers of one series
 * @param kept whether the run keeps how answers end
 */
export function finishesOf(
  answers: readonly StoredAnswer[],
  timings: ReadonlyMap<string, StoredTiming>,
  { maxTokens, kept }: { readonly maxTokens: number; readonly kept: boolean },
): Map<string, Finish> {
  const finishes = new Map<string, Finish>();
  for (const answer of answers) {
    const tokens = timings.get(answerKey(answer))?.tokens ?? maxTokens;
    if (answer.finish === "length") finishes.set(answer.id, "length");
    else if (kept || tokens < maxTokens) finishes.set(answer.id, "stop");
  }
  return finishes;
}

/** True where some answer carries what runs keep that also keep how answers end. */
export function keepsFinish(answers: readonly StoredAnswer[]): boolean {
  return answers.some(({ finish, margin, changed }) => (finish ?? margin ?? changed) !== undefined);
}

/** Counts of what answers are like, with how they ended. */
export function withFinishes(
  behaviour: ReadonlyMap<string, Counts>,
  scored: readonly ScoredQuestion[],
  finishes: ReadonlyMap<string, Finish>,
): Map<string, Counts> {
  const sums = new Map(behaviour);
  for (const { question } of scored) {
    const { cluster } = question;
    sums.set(
      cluster,
      addCounts([sums.get(cluster) ?? {}, finishCounts(finishes.get(question.id))]),
    );
  }
  return sums;
}

function finishCounts(finish: Finish | undefined): Counts {
  if (finish === undefined) return { unknownFinish: 1 };
  return { finished: 1, hitLimit: finish === "length" ? 1 : 0 };
}
