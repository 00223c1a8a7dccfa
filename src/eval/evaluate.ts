import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { InvalidArgumentError, type Model } from "../index.js";
import { groupBy } from "./group-by.js";
import type { JudgeSetup } from "./judge/judge-matched.js";
import { analyseRun } from "./report/analyse-run.js";
import type { RunAnalysis } from "./report/run-analysis.js";
import { writeReport } from "./report/write-report.js";
import { AnswerStore, RUN_FILES, type StoredTiming } from "./run/answer-store.js";
import { modelAnswerer } from "./run/model-answerer.js";
import type { RunSet } from "./run/plan-run.js";
import { type PlannedSet, type Progress, runEvaluation } from "./run/run-evaluation.js";
import type { RunMethod } from "./run/run-method.js";
import type { RunSettings, SeriesSettings } from "./run/run-settings.js";

/** Everything {@link evaluate} needs besides a model. */
export interface EvaluationRequest {
  readonly sets: readonly RunSet[];
  /** Methods by their name within the run. */
  readonly methods: ReadonlyMap<string, RunMethod>;
  readonly series: readonly SeriesSettings[];
  /** For series with a seed. */
  readonly temperature: number;
  readonly topP: number;
  /** Appended to every question. */
  readonly promptSuffix: string;
  /** Folder of the run: answers, settings and report. */
  readonly out: string;
  /** Version of this package, kept with the answers. */
  readonly version: string;
  /** For rules that need verdicts. */
  readonly judge?: JudgeSetup | null;
  readonly batchSize?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/**
 * Has a model answer benchmark sets with several methods, stores each answer durably, and writes a report.
 * Called again with the same request it goes on where it was stopped.
 *
 * @throws DatasetError when the folder holds a run with other settings, or the disk is full
 * @throws AbortedError when the signal fires; what was stored stays
 */
export async function evaluate(model: Model, request: EvaluationRequest): Promise<RunAnalysis> {
  const { sets, series, out, temperature, topP, promptSuffix, version, judge = null } = request;
  requireJudges(sets, judge);
  const settings: RunSettings = {
    version,
    model: { id: model.info.id, hash: await model.hash(), dtype: model.info.dtype },
    promptSuffix,
    temperature,
    topP,
    sets: sets.map((set) => set.settings),
    series,
  };
  const store = await AnswerStore.open(out, settings);
  try {
    for (const [images, members] of groupBy(sets, (set) => set.images)) {
      const answerer = modelAnswerer(model, {
        methods: request.methods,
        imagePath: ({ question }) =>
          question.image === null ? null : join(images, question.image),
        promptSuffix,
        temperature,
        topP,
      });
      await runEvaluation(members, series, answerer, store, {
        ...optional("batchSize", request.batchSize),
        ...optional("signal", request.signal),
        ...optional("onProgress", withTotal(request.onProgress, sets, series)),
      });
    }
    return await report(store, settings, sets, out, judge);
  } finally {
    await store.close();
  }
}

async function report(
  store: AnswerStore,
  settings: RunSettings,
  sets: readonly RunSet[],
  out: string,
  judge: JudgeSetup | null,
): Promise<RunAnalysis> {
  const timings = await readTimings(join(out, RUN_FILES.timings));
  const run = { settings, answers: store.answers(), timings };
  const analysis = await analyseRun(run, sets, judge);
  const folders = new Map(sets.map(({ name, images }) => [name, images]));
  await writeReport(out, analysis, (set, image) => join(folders.get(set) ?? "", image));
  return analysis;
}

/** A missing judge is told before the model answers for hours. */
function requireJudges(sets: readonly RunSet[], judge: JudgeSetup | null): void {
  const judged = sets.find(({ benchmark, rule }) => benchmark.judgedRules.includes(rule));
  if (judged === undefined || judge !== null) return;
  throw new InvalidArgumentError(
    `rule ${judged.rule} of ${judged.benchmark.name} needs a judge: give --judge-model`,
  );
}

/** Times are kept without a promise; a line cut by a crash is passed over. */
export async function readTimings(path: string): Promise<StoredTiming[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.split("\n").flatMap((line) => {
    try {
      return [JSON.parse(line) as StoredTiming];
    } catch {
      return [];
    }
  });
}

/** Sets in several image folders are run one folder after the other: the total is that of all. */
function withTotal(
  onProgress: ((progress: Progress) => void) | undefined,
  sets: readonly PlannedSet[],
  series: readonly SeriesSettings[],
): ((progress: Progress) => void) | undefined {
  if (onProgress === undefined) return undefined;
  const total = sets.reduce((sum, { questions }) => sum + questions.length * series.length, 0);
  return (progress) => onProgress({ ...progress, total });
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
}
