import type { Gain, SetAnalysis } from "./run-analysis.js";
import { isBetter } from "./verdict.js";

/** Every difference that is shown to be for the better, with what the same method does to general ability. */
export function gainsOf(
  sets: readonly Pick<SetAnalysis, "name" | "primaryMetric" | "comparisons" | "ability">[],
): Gain[] {
  return sets.flatMap(({ name: set, primaryMetric, comparisons, ability }) => {
    if (ability !== null) return [];
    const better = comparisons.filter(
      ({ shown, difference }) => shown && isBetter(primaryMetric, difference),
    );
    return better.map(({ method, reference, decoding, verdict }) => ({
      set,
      method,
      reference,
      decoding,
      verdict,
      ability: sets.flatMap((other) =>
        (other.ability?.comparisons ?? [])
          .filter(
            (one) =>
              one.method === method && one.reference === reference && one.decoding === decoding,
          )
          .map((one) => ({ set: other.name, verdict: one.verdict })),
      ),
    }));
  });
}
