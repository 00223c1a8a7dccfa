import { createRequire } from "node:module";
import { join } from "node:path";
import { InvalidArgumentError } from "../errors.js";
import type { Method } from "../index.js";
import { groupBy } from "../math/group-by.js";
import type { Question } from "./contract/benchmark.js";
import { withFiles } from "./data/file-problem.js";
import { type JudgeSetup, missingJudge } from "./judge/judge-matched.js";
import type { Prices } from "./report/endpoint-figures.js";
import { reportRun } from "./report/report-run.js";
import type { RunAnalysis } from "./report/run-analysis.js";
import { askedFor } from "./run/asked-for.js";
import type { Asking } from "./run/asking.js";
import type { RunSet } from "./run/plan-run.js";
import { seriesSettings } from "./run/plan-series.js";
import { requireSampling } from "./run/require-sampling.js";
import {
  type Answerer,
  answersOf,
  type PlannedSet,
  type Progress,
  runEvaluation,
} from "./run/run-evaluation.js";
import { RunningScore } from "./run/running-score.js";
import { isJudged } from "./scoring/benchmark-rules.js";
import { AnswerStore } from "./store/answer-store.js";
import type { RunSettings } from "./store/run-settings.js";
import { type SetSource, writeSources } from "./store/run-sources.js";
import type { Series } from "./store/series.js";
import type { TunedSetting } from "./tuning/tuned-setting.js";

const own = createRequire(import.meta.url)("../../package.json") as { version: string };

/** Everything `evaluate` needs besides a model. */
export interface EvaluationRequest {
  /** The questions, as `planRun` reads them. */
  readonly sets: readonly RunSet[];
  /** Methods by their name within the run. */
  readonly methods: ReadonlyMap<string, Method>;
  /** Which of these methods answer, greedily or under which seed, for example from `planSeries`. */
  readonly series: readonly Series[];
  /** For series with a seed, 0 to 100; 1 by default. */
  readonly temperature?: number;
  /** For series with a seed, above 0 and at most 1; 1 by default. */
  readonly topP?: number;
  /** Appended to every question; nothing by default. */
  readonly promptSuffix?: string;
  /** Folder of the run: answers, settings and report. */
  readonly out: string;
  /** Kept with the answers; the version of this package by default. */
  readonly version?: string;
  /**
   * How settings of methods were chosen, where `tune` did: by their name, which is the method's here. They are marked in
   * the report, and questions that they were chosen by are refused.
   */
  readonly tuned?: readonly TunedSetting[];
  /** For rules that need verdicts. */
  readonly judge?: JudgeSetup | null;
  /**
   * Questions answered together, at least 1; 8 by default. With int8 graphs, whose answers would depend on it, they
   * are answered one by one.
   */
  readonly batchSize?: number;
  /** Ask again for answers that failed before; by default they stay failed. */
  readonly retryFailed?: boolean;
  readonly signal?: AbortSignal;
  /** Told of every block of answers. */
  readonly onProgress?: (progress: Progress) => void;
}

/** Who answers a run's questions. */
export interface Respondent {
  /** Who it is, and what else of it decides answers: kept among the run's settings. */
  readonly settings: Pick<RunSettings, "model" | "yesNoTokens" | "tuned">;
  readonly answerer: (asking: Asking) => Answerer;
  /** Answer one question at a time: for models whose answers depend on what is decoded beside them. */
  readonly alone: boolean;
  /** What tokens cost, where that is told. */
  readonly prices?: Prices | undefined;
}

/**
 * What can be told of a request before anyone is asked.
 *
 * @throws InvalidArgumentError when a rule needs a judge and there is none, and for sampling out of range
 */
export function requireAnswerable({
  sets,
  judge = null,
  temperature = 1,
  topP = 1,
  out,
}: EvaluationRequest): void {
  requireSampling(temperature, topP);
  const judged = sets.find(({ benchmark, rule }) => isJudged(benchmark, rule));
  // A missing judge is told before the model answers for hours.
  if (judged !== undefined && judge === null) throw missingJudge(judged.benchmark, judged.rule);
  if (out === "") throw new InvalidArgumentError("out: received an empty path; expected a folder");
}

/** True where a run asks for yes or no. */
export function asksYesNo(sets: readonly RunSet[]): boolean {
  return sets.some(
    ({ benchmark, questions }) => benchmark.kind === "yes-no" && questions.length > 0,
  );
}

/** Has every question answered, stores answers durably, and writes the report. */
export async function answerAndReport(
  respondent: Respondent,
  request: EvaluationRequest,
): Promise<RunAnalysis> {
  const { sets, series, methods, out, judge = null, batchSize, signal, onProgress } = request;
  const { retryFailed = false } = request;
  const { temperature = 1, topP = 1, promptSuffix = "", version = own.version } = request;
  const { model, yesNoTokens, tuned } = respondent.settings;
  const settings: RunSettings = {
    version,
    model,
    promptSuffix,
    temperature,
    topP,
    ...(yesNoTokens === undefined ? {} : { yesNoTokens }),
    sets: sets.map((set) => set.settings),
    series: seriesSettings(series, methods),
    ...(tuned === undefined ? {} : { tuned }),
  };
  const store = await AnswerStore.open(out, settings, {
    expects: askedFor(sets, series),
    retryFailed,
  });
  try {
    await withFiles(out, () => writeSources(out, sets.flatMap(sourceOf)));
    const score = new RunningScore(unjudgedRules(sets));
    const asked = yesNoQuestions(sets);
    for (const [images, members] of groupBy(sets, (set) => set.images)) {
      const answerer = respondent.answerer({
        methods,
        imagePath: ({ question }) =>
          question.image === null ? null : join(images, question.image),
        promptSuffix,
        temperature,
        topP,
        isYesNo: (question) => asked.has(question),
      });
      await runEvaluation(members.map(withKind), series, score.listenTo(answerer), store, {
        batchSize,
        alone: respondent.alone,
        signal,
        onProgress: withTotal(onProgress, sets, series, score),
      });
    }
    return await reportRun(out, store, settings, sets, {
      judge,
      prices: respondent.prices,
      signal,
    });
  } finally {
    await store.close();
  }
}

/** Where a set's files lie; unknown of sets that no file was read for. */
function sourceOf({ name, images, files }: RunSet): SetSource[] {
  return files === undefined ? [] : [{ name, images, ...files }];
}

function yesNoQuestions(sets: readonly RunSet[]): Set<Question> {
  return new Set(
    sets.flatMap(({ benchmark, questions }) => (benchmark.kind === "yes-no" ? questions : [])),
  );
}

/** The rule of each question whose answer can be scored at once. */
function unjudgedRules(sets: readonly RunSet[]): Map<Question, string> {
  const scored = sets.filter(({ benchmark, rule }) => !isJudged(benchmark, rule));
  return new Map(scored.flatMap(({ questions, rule }) => questions.map((one) => [one, rule])));
}

function withKind(set: RunSet): PlannedSet {
  return { ...set, kind: set.benchmark.kind };
}

/** Sets in several image folders are run one folder after the other: the total is that of all. */
function withTotal(
  onProgress: ((progress: Progress) => void) | undefined,
  sets: readonly RunSet[],
  series: readonly Series[],
  score: RunningScore,
): ((progress: Progress) => void) | undefined {
  if (onProgress === undefined) return undefined;
  const total = answersOf(sets.map(withKind), series);
  return (progress) => onProgress({ ...progress, total, right: score.right });
}
