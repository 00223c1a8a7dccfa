import { type JudgeSetup, missingJudge } from "../judge/judge-matched.js";
import { isJudged } from "../scoring/benchmark-rules.js";
import { readSettings } from "../store/run-sources.js";
import type { Prices } from "./endpoint-figures.js";
import { reportRun } from "./report-run.js";
import type { RunAnalysis } from "./run-analysis.js";
import { openRun, requestsOf, type StoredRunOptions } from "./stored-run.js";

/** Settings of {@link rebuildReport}. Without images the report has no pictures. */
export interface RebuildOptions extends StoredRunOptions {
  /** For rules that need verdicts; those that are stored are not asked for again. */
  readonly judge?: JudgeSetup | null;
  /** What tokens cost, of a run that a server answered; nothing is told of money by default. */
  readonly prices?: Prices | undefined;
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
  const { judge = null, prices, signal } = options;
  const settings = await readSettings(folder);
  const requests = await requestsOf(folder, settings, options, "rebuildReport");
  for (const { benchmark, rule } of requests) {
    if (isJudged(benchmark, rule) && judge === null) throw missingJudge(benchmark, rule);
  }
  const { sets, store } = await openRun(folder, settings, requests);
  try {
    return await reportRun(folder, store, settings, sets, { judge, prices, signal });
  } finally {
    await store.close();
  }
}
