import { atOnce } from "../../src/eval/data/turns.js";
import { analyseSet } from "../../src/eval/report/analyse-set.js";
import type { SetAnalysis } from "../../src/eval/report/run-analysis.js";
import { type AnsweredSeries, scoreMethods } from "../../src/eval/report/scored-method.js";

/** The figures of a set, all at once. */
export function analysed(
  set: Parameters<typeof analyseSet>[0],
  series: readonly AnsweredSeries[],
): Omit<SetAnalysis, "judging" | "failures"> {
  const methods = atOnce(scoreMethods(set.benchmark, set.rule, series));
  return atOnce(analyseSet(set, series, methods));
}
