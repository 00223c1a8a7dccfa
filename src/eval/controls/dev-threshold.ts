import type { RunSet } from "../run/plan-run.js";
import type { RunSettings } from "../store/run-settings.js";
import type { DevThreshold } from "../store/tuned.js";

/**
 * The threshold that `tune` chose for a set's benchmark on dev questions: by the same checkpoint, asked in the same way
 * and scored by the same rule. Of several the one that was chosen on the most questions.
 *
 * @returns null where no setting of the run was tuned on such questions
 */
export function devThresholdOf(
  { tuned = {}, model, promptSuffix }: RunSettings,
  { benchmark, rule, settings: { promptVariant } }: Pick<RunSet, "benchmark" | "rule" | "settings">,
): DevThreshold | null {
  const found = Object.values(tuned)
    .filter((mark) => mark.model.hash === model.hash)
    .flatMap(({ thresholds = [] }) => thresholds)
    .filter(
      (one) =>
        one.benchmark === benchmark.name &&
        one.rule === rule &&
        one.promptVariant === promptVariant &&
        one.promptSuffix === promptSuffix,
    );
  return found.reduce<DevThreshold | null>(
    (most, one) => (most === null || one.questions > most.questions ? one : most),
    null,
  );
}
