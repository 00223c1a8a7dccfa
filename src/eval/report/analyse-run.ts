import { groupBy } from "../data/group-by.js";
import { addTallies, type JudgeTally } from "../judge/judge-answers.js";
import { type JudgeSetup, judgeMatched } from "../judge/judge-matched.js";
import type { RunSet } from "../run/plan-run.js";
import { answerKey, type StoredAnswer, type StoredTiming } from "../store/answer-store.js";
import type { RunSettings } from "../store/run-settings.js";
import { type AnsweredSeries, analyseSet } from "./analyse-set.js";
import type { RunAnalysis, SetAnalysis } from "./run-analysis.js";

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
 * @param judge asked where a rule needs verdicts
 */
export async function analyseRun(
  run: StoredRun,
  sets: readonly RunSet[],
  judge: JudgeSetup | null,
): Promise<RunAnalysis> {
  const bySet = groupBy(run.answers, ({ set }) => set);
  const timings = new Map(run.timings.map((timing) => [answerKey(timing), timing]));
  const analyses: SetAnalysis[] = [];
  for (const set of sets) {
    const stored = bySet.get(set.name) ?? [];
    const series: AnsweredSeries[] = [];
    const tallies: JudgeTally[] = [];
    for (const { method, seed } of run.settings.series) {
      const own = stored.filter((one) => one.method === method && one.seed === seed);
      const { answered, tally } = await judgeMatched(
        set.benchmark,
        set.rule,
        withQuestions(own, set),
        judge,
      );
      if (tally !== null) tallies.push(tally);
      series.push({
        method,
        seed,
        answered,
        timings: own.flatMap((one) => timings.get(answerKey(one)) ?? []),
      });
    }
    analyses.push({
      ...analyseSet(set, series),
      judging: tallies.length > 0 ? addTallies(tallies) : null,
    });
  }
  return { settings: run.settings, sets: analyses };
}

function withQuestions(answers: readonly StoredAnswer[], set: RunSet) {
  const questions = new Map(set.questions.map((question) => [question.id, question]));
  return answers.flatMap(({ id, text }) => {
    const question = questions.get(id);
    return question === undefined ? [] : [{ question, answer: text, verdict: null }];
  });
}
