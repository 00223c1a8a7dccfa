import { rm } from "node:fs/promises";
import { join } from "node:path";
import { withFiles } from "../data/file-problem.js";
import type { RunSet } from "../run/plan-run.js";
import { answersOf } from "../run/run-evaluation.js";
import { type AnswerStore, readTimings } from "../store/answer-store.js";
import type { RunSettings } from "../store/run-settings.js";
import { type AnalysisOptions, analyseRun } from "./analyse-run.js";
import { writeCounts } from "./count-rows.js";
import type { AnsweredSet } from "./page-answers.js";
import type { RunAnalysis } from "./run-analysis.js";
import { REPORT_FILES, writeReport } from "./write-report.js";

/**
 * Writes the report of what a run's folder holds.
 *
 * @throws AbortedError when the signal fires before it is written; answers and an older report stay
 */
export async function reportRun(
  folder: string,
  store: AnswerStore,
  settings: RunSettings,
  sets: readonly RunSet[],
  { judge = null, prices, signal }: AnalysisOptions = {},
): Promise<RunAnalysis> {
  const run = {
    settings,
    answers: store.answers(),
    failures: store.failures(),
    timings: await readTimings(folder),
  };
  const answered: AnsweredSet[] = [];
  const analysis = await analyseRun(run, sets, {
    judge,
    prices,
    signal,
    onScored: (set, methods) => answered.push({ set, methods }),
  });
  const folders = new Map(sets.map(({ name, images }) => [name, images]));
  const imagePath = (set: string, image: string) => join(folders.get(set) ?? "", image);
  const asked = sets.map((set) => ({ ...set, kind: set.benchmark.kind }));
  const isFinished = store.size === answersOf(asked, settings.series);
  await withFiles(folder, async () => {
    await writeReport(folder, analysis, imagePath, answered, signal);
    const counts = join(folder, REPORT_FILES.counts);
    if (isFinished) await writeCounts(counts, answered);
    else await rm(counts, { force: true });
  });
  return analysis;
}
