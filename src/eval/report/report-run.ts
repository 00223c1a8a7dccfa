import { join } from "node:path";
import { withFiles } from "../data/file-problem.js";
import type { JudgeSetup } from "../judge/judge-matched.js";
import type { RunSet } from "../run/plan-run.js";
import { type AnswerStore, readTimings } from "../store/answer-store.js";
import type { RunSettings } from "../store/run-settings.js";
import { analyseRun } from "./analyse-run.js";
import type { AnsweredSet } from "./page-answers.js";
import type { RunAnalysis } from "./run-analysis.js";
import { writeReport } from "./write-report.js";

/** Writes the report of what a run's folder holds. */
export async function reportRun(
  folder: string,
  store: AnswerStore,
  settings: RunSettings,
  sets: readonly RunSet[],
  judge: JudgeSetup | null,
): Promise<RunAnalysis> {
  const run = {
    settings,
    answers: store.answers(),
    failures: store.failures(),
    timings: await readTimings(folder),
  };
  const answered: AnsweredSet[] = [];
  const analysis = await analyseRun(run, sets, judge, (set, methods) =>
    answered.push({ set, methods }),
  );
  const folders = new Map(sets.map(({ name, images }) => [name, images]));
  const imagePath = (set: string, image: string) => join(folders.get(set) ?? "", image);
  await withFiles(folder, () => writeReport(folder, analysis, imagePath, answered));
  return analysis;
}
