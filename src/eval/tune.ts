import { join } from "node:path";
import { InvalidArgumentError } from "../errors.js";
import type { Method, Model } from "../index.js";
import { regular } from "../index.js";
import { withFiles } from "./data/file-problem.js";
import { evaluate } from "./evaluate.js";
import type { EvaluationRequest } from "./evaluation.js";
import type { Decoding, RunAnalysis } from "./report/run-analysis.js";
import type { RunSet } from "./run/plan-run.js";
import { planSeries } from "./run/plan-series.js";
import { imageOf } from "./run/split-questions.js";
import { AnswerStore } from "./store/answer-store.js";
import { writeFileAtomically } from "./store/atomic-file.js";
import type { AnsweringCheckpoint, RunSettings } from "./store/run-settings.js";
import type { StoredAnswer } from "./store/stored-rows.js";
import type { DevSplit } from "./store/tuned.js";
import { chooseSetting } from "./tuning/choose-setting.js";
import { devThresholds } from "./tuning/dev-thresholds.js";
import type { TunedSetting } from "./tuning/tuned-setting.js";

/** In the folder of a tuning run: the setting that was chosen. */
export const TUNED_FILE = "tuned.json";

/** Everything {@link tune} needs besides a model. */
export interface TuningRequest extends Omit<EvaluationRequest, "methods" | "series" | "tuned"> {
  /** What the method is called in later runs, for example `vcd`. */
  readonly name: string;
  /** The settings to try, by names of their own, such as `vcd:alpha=0.5`. */
  readonly candidates: ReadonlyMap<string, Method>;
  /** Sampling seeds; 0, the default, decodes greedily. */
  readonly seeds?: number;
  /** See `SeriesRequest.noiseDraws`. */
  readonly noiseDraws?: number;
}

/** What came of tuning. */
export interface Tuning {
  readonly tuned: TunedSetting;
  /** The run with all settings beside `regular`. */
  readonly analysis: RunAnalysis;
}

/**
 * Tries settings of one method on questions kept for that, chooses one for all sets (see `chooseSetting`) and writes it
 * into the run's folder, for {@link evaluate} to take as `tuned`. Resumes as `evaluate` does.
 *
 * @throws InvalidArgumentError for no candidates, and for sets of a test part or of several splits
 * @throws InferenceError when no candidate has a figure
 */
export async function tune(model: Model, request: TuningRequest): Promise<Tuning> {
  const { name, candidates, seeds = 0, noiseDraws, sets, out, ...rest } = request;
  if (candidates.size === 0) throw new InvalidArgumentError("candidates: expected at least one");
  if (candidates.has("regular")) {
    throw new InvalidArgumentError("candidates: regular has no settings; expected another method");
  }
  const split = devSplitOf(sets);
  const methods = new Map([["regular", regular()], ...candidates]);
  const greedy = seeds === 0;
  const series = planSeries({
    methods,
    greedy,
    seeds,
    ...(noiseDraws === undefined ? {} : { noiseDraws }),
  });
  const analysis = await evaluate(model, { ...rest, sets, out, methods, series });
  const decoding: Decoding = greedy ? "greedy" : "sampling";
  const { chosen, tried } = chooseSetting(analysis, [...candidates.keys()], decoding);
  const method = candidates.get(chosen.name)!;
  const { settings } = analysis;
  const thresholds = devThresholds(sets, await answersIn(out, settings), settings.promptSuffix);
  const tuned: TunedSetting = {
    version: settings.version,
    model: settings.model as AnsweringCheckpoint,
    name,
    method: { name: method.name, settings: method.settings },
    decoding,
    split,
    sets: analysis.sets.map((set) => ({
      name: set.name,
      benchmark: set.benchmark,
      rule: set.rule,
      metric: set.primaryMetric.name,
      questions: set.questions,
    })),
    chosen: chosen.name,
    tried,
    ...(thresholds.length === 0 ? {} : { thresholds }),
    images: [...new Set(sets.flatMap(({ questions }) => questions.map(imageOf)))].sort(),
  };
  const text = `${JSON.stringify(tuned, null, 2)}\n`;
  await withFiles(out, () => writeFileAtomically(join(out, TUNED_FILE), text));
  return { tuned, analysis };
}

async function answersIn(folder: string, settings: RunSettings): Promise<StoredAnswer[]> {
  const store = await AnswerStore.open(folder, settings);
  const answers = store.answers();
  await store.close();
  return answers;
}

/** The split whose dev part the sets are; null where they are files of their own. */
function devSplitOf(sets: readonly RunSet[]): DevSplit | null {
  const [first, ...others] = sets.map(({ name, settings: { split } }) => ({ name, split }));
  const test = [first, ...others].find((one) => one?.split?.part === "test");
  if (test !== undefined) {
    throw new InvalidArgumentError(`${test.name}: received its test part; expected the dev part`);
  }
  const textOf = (split: DevSplit | undefined) => JSON.stringify([split?.seed, split?.share]);
  if (others.some(({ split }) => textOf(split) !== textOf(first?.split))) {
    throw new InvalidArgumentError("sets: received dev parts of several splits; expected one");
  }
  return first?.split === undefined ? null : { seed: first.split.seed, share: first.split.share };
}
