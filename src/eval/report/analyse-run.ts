import { groupBy } from "../../math/group-by.js";
import { devThresholdOf } from "../controls/dev-threshold.js";
import { inTurns } from "../data/turns.js";
import { addTallies, type JudgeTally } from "../judge/judge-answers.js";
import { type JudgeSetup, judgeMatched } from "../judge/judge-matched.js";
import type { RunSet } from "../run/plan-run.js";
import type { RunSettings } from "../store/run-settings.js";
import {
  answerKey,
  type StoredAnswer,
  type StoredFailure,
  type StoredTiming,
} from "../store/stored-rows.js";
import { analyseSet } from "./analyse-set.js";
import { endpointFigures, type Prices } from "./endpoint-figures.js";
import { finishesOf, keepsFinish } from "./finishes.js";
import { gainsOf } from "./gains.js";
import type { RunAnalysis, SetAnalysis } from "./run-analysis.js";
import { type AnsweredSeries, type ScoredMethod, scoreMethods } from "./scored-method.js";

/** A run as it is stored. */
export interface StoredRun {
  readonly settings: RunSettings;
  readonly answers: readonly StoredAnswer[];
  /** Answers that could not be had. */
  readonly failures: readonly StoredFailure[];
  readonly timings: readonly StoredTiming[];
}

/** Settings of {@link analyseRun}. */
export interface AnalysisOptions {
  /** Asked where a rule needs verdicts. */
  readonly judge?: JudgeSetup | null;
  /** What tokens of a server cost, where that is told. */
  readonly prices?: Prices | undefined;
  /** Gives the analysis up. */
  readonly signal?: AbortSignal | undefined;
  /** Told of the scored answers of each set. */
  readonly onScored?: (set: SetAnalysis, methods: readonly ScoredMethod[]) => void;
}

/**
 * All figures of a run, also of one that is not finished: what is answered is scored. A question with a failed
 * answer is left out for every method, so that all are compared on the same questions.
 *
 * @param sets the questions of the run's sets
 * @throws AbortedError when the signal fires
 */
export async function analyseRun(
  run: StoredRun,
  sets: readonly RunSet[],
  { judge = null, prices, signal, onScored = () => {} }: AnalysisOptions = {},
): Promise<RunAnalysis> {
  const bySet = groupBy(run.answers, ({ set }) => set);
  const timings = new Map(run.timings.map((timing) => [answerKey(timing), timing]));
  const analyses: SetAnalysis[] = [];
  for (const set of sets) {
    const failures = run.failures.filter((one) => one.set === set.name);
    const failed = new Set(failures.map(({ id }) => id));
    const stored = (bySet.get(set.name) ?? []).filter(({ id }) => !failed.has(id));
    const ending = { maxTokens: set.maxTokens, kept: keepsFinish(stored) };
    const series: AnsweredSeries[] = [];
    const tallies: JudgeTally[] = [];
    for (const { method, seed, draw } of run.settings.series) {
      const own = stored.filter(
        (one) => one.method === method && one.seed === seed && one.draw === draw,
      );
      const { answered, tally } = await judgeMatched(
        set.benchmark,
        set.rule,
        withQuestions(own, set),
        judge === null || signal === undefined ? judge : { ...judge, signal },
      );
      if (tally !== null) tallies.push(tally);
      series.push({
        method,
        seed,
        answered,
        stored: own,
        timings: own.flatMap((one) => timings.get(answerKey(one)) ?? []),
        finishes: finishesOf(own, timings, ending),
      });
    }
    const methods = await inTurns(scoreMethods(set.benchmark, set.rule, series), signal);
    const known = { ...set, devThreshold: devThresholdOf(run.settings, set) };
    const analysis = {
      ...(await inTurns(analyseSet(known, series, methods), signal)),
      failures: { questions: failed.size, answers: failures },
      judging: tallies.length > 0 ? addTallies(tallies) : null,
    };
    analyses.push(analysis);
    onScored(analysis, methods);
  }
  const endpoint = endpointFigures(run, sets, prices);
  return {
    settings: run.settings,
    sets: analyses,
    gains: gainsOf(analyses),
    ...(endpoint === null ? {} : { endpoint }),
  };
}

function withQuestions(answers: readonly StoredAnswer[], set: RunSet) {
  const questions = new Map(set.questions.map((question) => [question.id, question]));
  return answers.flatMap(({ id, text }) => {
    const question = questions.get(id);
    return question === undefined ? [] : [{ question, answer: text, verdict: null }];
  });
}
