import { groupBy } from "../group-by.js";
import { answerKey, type StoredAnswer, type StoredTiming } from "../run/answer-store.js";
import type { RunSet } from "../run/plan-run.js";
import type { RunSettings } from "../run/run-settings.js";
import { type AnsweredSeries, analyseSet } from "./analyse-set.js";
import type { RunAnalysis } from "./run-analysis.js";

/** A run as it is stored. */
export interface StoredRun {
  readonly settings: RunSettings;
  readonly answers: readonly StoredAnswer[];
  readonly timings: readonly StoredTiming[];
}

/**
 * All figures of a run, also of one that is not finished: what is answered is scored.
 *
 * @param sets the questions of the run's sets
 * @param verdictOf a judge's words about an answer, for rules that need one
 */
export function analyseRun(
  { settings, answers, timings }: StoredRun,
  sets: readonly RunSet[],
  verdictOf: (answer: StoredAnswer) => string | null = () => null,
): RunAnalysis {
  const bySet = groupBy(answers, ({ set }) => set);
  const ms = new Map(timings.map((timing) => [answerKey(timing), timing.ms]));
  return {
    settings,
    sets: sets.map((set) => {
      const questions = new Map(set.questions.map((question) => [question.id, question]));
      const stored = bySet.get(set.name) ?? [];
      const series = settings.series.map(({ method, seed }): AnsweredSeries => {
        const own = stored.filter((one) => one.method === method && one.seed === seed);
        return {
          method,
          seed,
          answered: own.flatMap((answer) => {
            const question = questions.get(answer.id);
            if (question === undefined) return [];
            return [{ question, answer: answer.text, verdict: verdictOf(answer) }];
          }),
          ms: own.flatMap((answer) => ms.get(answerKey(answer)) ?? []),
        };
      });
      return analyseSet(set, series);
    }),
  };
}
