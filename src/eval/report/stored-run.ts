import { DatasetError, InvalidArgumentError } from "../../errors.js";
import type { Benchmark } from "../contract/benchmark.js";
import { askedFor } from "../run/asked-for.js";
import { planRun, type RunSet, type SetRequest } from "../run/plan-run.js";
import { AnswerStore } from "../store/answer-store.js";
import type { RunSettings } from "../store/run-settings.js";
import { readSettings, readSources } from "../store/run-sources.js";
import type { StoredAnswer } from "../store/stored-rows.js";
import { benchmarkOf } from "./benchmark-of.js";

/** Where a stored run's files lie. */
export interface StoredRunOptions {
  /** Benchmarks that the run's sets may be of. */
  readonly benchmarks: readonly Benchmark[];
  /** The question files, in the order of the run's sets; where the run found them by default. */
  readonly data?: readonly string[] | undefined;
  /** The truth file; where the run found it by default. */
  readonly truth?: string | undefined;
  /** Folder of the images; where the run found them by default. */
  readonly images?: string | undefined;
}

/** A run as its folder holds it. */
export interface StoredAnswers {
  readonly settings: RunSettings;
  /** The questions of its sets, in their order. */
  readonly sets: readonly RunSet[];
  /** All answers, in the order in which they were stored. */
  readonly answers: readonly StoredAnswer[];
}

/**
 * Reads a run from its folder, one that is not finished too; nothing in it is changed.
 *
 * @throws DatasetError when the folder holds no run, a damaged one or one that is in use, or when a question file is
 *   missing or not the one that the run asked
 * @throws InvalidArgumentError when a benchmark is not among those given
 */
export async function readRun(folder: string, options: StoredRunOptions): Promise<StoredAnswers> {
  const settings = await readSettings(folder);
  const requests = await requestsOf(folder, settings, options);
  const { sets, store } = await openRun(folder, settings, requests);
  try {
    return { settings, sets, answers: store.answers() };
  } finally {
    await store.close();
  }
}

/** A run's sets and answers, open. */
export async function openRun(
  folder: string,
  settings: RunSettings,
  requests: readonly SetRequest[],
): Promise<{ sets: RunSet[]; store: AnswerStore }> {
  const planned = await planRun(requests, { needsImages: false });
  const sets = planned.map((set, index) => asItWas(set, requests[index]!, settings.sets[index]!));
  const expects = askedFor(sets, settings.series);
  return { sets, store: await AnswerStore.open(folder, settings, { expects }) };
}

/** What a run's sets were made of. */
export async function requestsOf(
  folder: string,
  { sets }: RunSettings,
  { benchmarks, data, truth, images }: StoredRunOptions,
  caller = "readRun",
): Promise<SetRequest[]> {
  if (data !== undefined && data.length !== sets.length) {
    throw new InvalidArgumentError(
      `data: received ${data.length} files; expected ${sets.length}, in this order: ${sets.map(({ name }) => name).join(", ")}`,
    );
  }
  const sources = (await readSources(folder)) ?? [];
  return sets.map((set, index) => {
    const benchmark = benchmarkOf(set, benchmarks, `${folder}: `, caller);
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
