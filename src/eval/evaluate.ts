import { createRequire } from "node:module";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { InvalidArgumentError } from "../errors.js";
import type { Method, Model } from "../index.js";
import { groupBy } from "../math/group-by.js";
import { yesNoTokens } from "../objects/yes-no-tokens.js";
import type { Question } from "./contract/benchmark.js";
import { withFiles } from "./data/file-problem.js";
import { type JudgeSetup, missingJudge } from "./judge/judge-matched.js";
import { reportRun } from "./report/report-run.js";
import type { RunAnalysis } from "./report/run-analysis.js";
import { askedFor } from "./run/asked-for.js";
import { dependsOnBatch, modelAnswerer } from "./run/model-answerer.js";
import type { RunSet } from "./run/plan-run.js";
import { seriesSettings } from "./run/plan-series.js";
import { requireSampling } from "./run/require-sampling.js";
import { answersOf, type PlannedSet, type Progress, runEvaluation } from "./run/run-evaluation.js";
import { RunningScore } from "./run/running-score.js";
import { isJudged } from "./scoring/benchmark-rules.js";
import { AnswerStore } from "./store/answer-store.js";
import type { RunSettings } from "./store/run-settings.js";
import { type SetSource, writeSources } from "./store/run-sources.js";
import type { Series } from "./store/series.js";
import { requireUntuned, type TunedSetting, tunedMark } from "./tuning/tuned-setting.js";

const own = createRequire(import.meta.url)("../../package.json") as { version: string };

/** Everything {@link evaluate} needs besides a model. */
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

/**
 * Has a model answer benchmark sets with several methods, stores each answer durably, and writes a report.
 * Called again with the same request it goes on where it was stopped. A question whose image cannot be read, or
 * whose answer fails, is stored and reported as failed; it stops nothing.
 *
 * @throws InvalidArgumentError before anything is asked, when a series names a method that is not among
 *   `methods`, a rule needs a judge and there is none, `temperature` or `topP` is out of range, a tuned setting is not
 *   that of its method, or questions are among those it was tuned on
 * @throws DatasetError when the folder holds a run with other settings, or the disk is full
 * @throws AbortedError when the signal fires; what was stored stays
 */
export async function evaluate(model: Model, request: EvaluationRequest): Promise<RunAnalysis> {
  const { sets, series, methods, out, judge = null, batchSize, signal, onProgress } = request;
  const { retryFailed = false, tuned = [] } = request;
  const { temperature = 1, topP = 1, promptSuffix = "", version = own.version } = request;
  requireSampling(temperature, topP);
  requireJudges(sets, judge);
  if (out === "") throw new InvalidArgumentError("out: received an empty path; expected a folder");
  const answering = seriesSettings(series, methods);
  requireUntuned(sets, tuned);
  requireTunedMethods(methods, tuned);
  const { id, dtype, adapter, device } = model.info;
  const hash = await model.hash();
  const asked = yesNoQuestions(sets);
  const tokens = asked.size === 0 ? null : await yesNoTokens((text) => model.encode(text));
  const settings: RunSettings = {
    version,
    model: {
      id,
      hash,
      dtype,
      ...(adapter === undefined ? {} : { adapter }),
      ...(device === undefined ? {} : { device }),
    },
    promptSuffix,
    temperature,
    topP,
    ...(tokens === null ? {} : { yesNoTokens: tokens }),
    sets: sets.map((set) => set.settings),
    series: answering,
    ...(tuned.length === 0
      ? {}
      : { tuned: Object.fromEntries(tuned.map((one) => [one.name, tunedMark(one)])) }),
  };
  const store = await AnswerStore.open(out, settings, {
    expects: askedFor(sets, series),
    retryFailed,
  });
  try {
    await withFiles(out, () => writeSources(out, sets.flatMap(sourceOf)));
    const score = new RunningScore(unjudgedRules(sets));
    for (const [images, members] of groupBy(sets, (set) => set.images)) {
      const answerer = modelAnswerer(model, {
        methods,
        imagePath: ({ question }) =>
          question.image === null ? null : join(images, question.image),
        promptSuffix,
        temperature,
        topP,
        yesNoTokens: (question) => (asked.has(question) ? tokens : null),
      });
      await runEvaluation(members.map(withKind), series, score.listenTo(answerer), store, {
        batchSize,
        alone: dependsOnBatch(model),
        signal,
        onProgress: withTotal(onProgress, sets, series, score),
      });
    }
    return await reportRun(out, store, settings, sets, judge, signal);
  } finally {
    await store.close();
  }
}

/** Where a set's files lie; unknown of sets that no file was read for. */
function sourceOf({ name, images, files }: RunSet): SetSource[] {
  return files === undefined ? [] : [{ name, images, ...files }];
}

/** What is marked as tuned must be what was chosen. */
function requireTunedMethods(
  methods: ReadonlyMap<string, Method>,
  tuned: readonly TunedSetting[],
): void {
  for (const { name, method } of tuned) {
    const own = methods.get(name);
    if (own !== undefined && isDeepStrictEqual(own.settings, method.settings)) continue;
    const received = own === undefined ? "no such method" : JSON.stringify(own.settings);
    throw new InvalidArgumentError(
      `tuned: ${name}: received ${received}; expected it with the settings ${JSON.stringify(method.settings)}`,
    );
  }
}

/** A missing judge is told before the model answers for hours. */
function requireJudges(sets: readonly RunSet[], judge: JudgeSetup | null): void {
  const judged = sets.find(({ benchmark, rule }) => isJudged(benchmark, rule));
  if (judged !== undefined && judge === null) throw missingJudge(judged.benchmark, judged.rule);
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
