import { DatasetError, InvalidArgumentError } from "../../errors.js";
import type { Benchmark } from "../contract/benchmark.js";
import { type JudgeSetup, missingJudge } from "../judge/judge-matched.js";
import { askedFor } from "../run/asked-for.js";
import { planRun, type RunSet, type SetRequest } from "../run/plan-run.js";
import { isJudged } from "../scoring/benchmark-rules.js";
import { AnswerStore } from "../store/answer-store.js";
import type { RunSettings } from "../store/run-settings.js";
import { readSettings, readSources } from "../store/run-sources.js";
import { benchmarkOf } from "./benchmark-of.js";
import { reportRun } from "./report-run.js";
import type { RunAnalysis } from "./run-analysis.js";

/** Settings of {@link rebuildReport}. */
export interface RebuildOptions {
  /** Benchmarks that the run's sets may be of. */
  readonly benchmarks: readonly Benchmark[];
  /** The question files, in the order of the run's sets; where the run found them by default. */
  readonly data?: readonly string[] | undefined;
  /** The truth file; where the run found it by default. */
  readonly truth?: string | undefined;
  /** Folder of the images; where the run found them by default. Without images the report has no pictures. */
  readonly images?: string | undefined;
  /** For rules that need verdicts; those that are stored are not asked for again. */
  readonly judge?: JudgeSetup | null;
  /** Gives up before the report is written. */
  readonly signal?: AbortSignal;
}

/**
 * Writes the report of a run anew from its stored answers, without a model: after a crash, of a run that is not
 * finished, or with newer code.
 *
 * @throws DatasetError when the folder holds no run, a damaged one or one that is in use, or when a question file is
 *   missing or not the one that the run asked
 * @throws AbortedError when the signal fires; the answers and an older report stay
 * @throws InvalidArgumentError when a benchmark is not among those given, or a rule needs a judge and there is none
 */
export async function rebuildReport(folder: string, options: RebuildOptions): Promise<RunAnalysis> {
  const { judge = null, signal } = options;
  const settings = await readSettings(folder);
  const requests = await requestsOf(folder, settings, options);
  for (const { benchmark, rule } of requests) {
    if (isJudged(benchmark, rule) && judge === null) throw missingJudge(benchmark, rule);
  }
  const planned = await planRun(requests, { needsImages: false });
  const sets = planned.map((set, index) => asItWas(set, requests[index]!, settings.sets[index]!));
  const store = await AnswerStore.open(folder, settings, {
    expects: askedFor(sets, settings.series),
  });
  try {
    return await reportRun(folder, store, settings, sets, judge, signal);
  } finally {
    await store.close();
  }
}

async function requestsOf(
  folder: string,
  { sets }: RunSettings,
  { benchmarks, data, truth, images }: RebuildOptions,
): Promise<SetRequest[]> {
  if (data !== undefined && data.length !== sets.length) {
    throw new InvalidArgumentError(
      `data: received ${data.length} files; expected ${sets.length}, in this order: ${sets.map(({ name }) => name).join(", ")}`,
    );
  }
  const sources = (await readSources(folder)) ?? [];
  return sets.map((set, index) => {
    const benchmark = benchmarkOf(set, benchmarks, `${folder}: `, "rebuildReport");
    const source = sources.find(({ name }) => name === set.name);
    const questions = data?.[index] ?? source?.data;
    if (questions === undefined) {
      throw new DatasetError(
        `${folder}: the run does not say where the questions of ${set.name} lie; name the file (--data, and --truth and --images where there are such)`,
      );
    }
    return {
      benchmark,
      data: questions,
      truth: set.truth === null ? null : (truth ?? source?.truth ?? null),
      images: images ?? source?.images ?? "",
      rule: set.rule,
      limit: set.firstImages ?? null,
      split: set.split,
      ...(set.promptVariant === undefined ? {} : { promptVariant: set.promptVariant }),
    };
  });
}

/** A set as the run had it: its files are the same, to the byte. */
function asItWas(
  set: RunSet,
  { data, truth }: SetRequest,
  stored: RunSettings["sets"][number],
): RunSet {
  const files = [
    [data, set.settings.data, stored.data, "--data"],
    [truth ?? "truth", set.settings.truth, stored.truth, "--truth"],
  ] as const;
  for (const [file, found, asked, flag] of files) {
    if (found === asked) continue;
    throw new DatasetError(
      `${file}: not the file of the run's set ${stored.name} (SHA-256 ${found ?? "of no file"}; expected ${asked}); name that one (${flag})`,
    );
  }
  return { ...set, name: stored.name, maxTokens: stored.maxTokens, settings: stored };
}
