import { groupBy } from "../../math/group-by.js";
import { bestThreshold, type Margin } from "../controls/threshold.js";
import type { RunSet } from "../run/plan-run.js";
import { isJudged } from "../scoring/benchmark-rules.js";
import type { StoredAnswer } from "../store/stored-rows.js";
import type { DevThreshold } from "../store/tuned.js";

/**
 * For each yes/no benchmark the threshold that is best on all dev questions, for the control `threshold` of runs with a
 * tuned setting: one for all sets of the benchmark, as the setting is one for all sets. None where a margin of `regular`
 * is not known, or a judge decides.
 *
 * @param answers of the run that tuned
 */
export function devThresholds(
  sets: readonly RunSet[],
  answers: readonly StoredAnswer[],
  promptSuffix: string,
): DevThreshold[] {
  const asked = sets.filter(
    ({ benchmark, rule }) => benchmark.kind === "yes-no" && !isJudged(benchmark, rule),
  );
  const alike = groupBy(asked, ({ benchmark, rule, settings }) =>
    JSON.stringify([benchmark.name, rule, settings.promptVariant]),
  );
  return [...alike.values()].flatMap((members) => {
    const { benchmark, rule, settings } = members[0]!;
    const margins = members.map((set) => marginsOf(set, answers));
    const known = margins.flatMap((one) => one ?? []);
    const threshold = margins.includes(null) ? null : bestThreshold(benchmark, rule, known);
    if (threshold === null) return [];
    const { promptVariant } = settings;
    const variant = promptVariant === undefined ? {} : { promptVariant };
    const questions = known.length;
    return [{ benchmark: benchmark.name, rule, ...variant, promptSuffix, questions, threshold }];
  });
}

/** Of the answered questions of a set, under one series of `regular`, since margins do not depend on the seed; null where one is not known. */
function marginsOf(set: RunSet, answers: readonly StoredAnswer[]): Margin[] | null {
  const own = answers.filter((one) => one.set === set.name && one.method === "regular");
  const seen = new Map(own.map(({ id, margin }) => [id, margin]));
  const answered = set.questions.filter(({ id }) => seen.has(id));
  const margins = answered.flatMap((question) => {
    const margin = seen.get(question.id);
    return margin === undefined ? [] : [{ question, margin }];
  });
  return margins.length === answered.length ? margins : null;
}
