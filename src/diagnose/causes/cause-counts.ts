import {
  type Comparison,
  type Counts,
  compareMethods,
  type Interval,
  metricIntervals,
  ratioMetric,
} from "../../eval/index.js";
import type { Cause } from "../contract/explanation.js";
import type { CaptionAnswer, ExplainedPhrase } from "./explained-phrases.js";

/** What hallucinated phrases are counted by: their cause, "untold" where it cannot be told, and all of them. */
export const CAUSES = [
  "language",
  "instruction-tuning",
  "style",
  "vision",
  "untold",
  "all",
] as const;

/** A cause, or all. */
export type CountedCause = (typeof CAUSES)[number];

/** Hallucinated phrases of one cause in the answers of a method. */
export interface CauseFigure {
  readonly method: string;
  readonly cause: CountedCause;
  readonly phrases: number;
  readonly answers: number;
  /** Phrases in a hundred answers, with the 95% interval of the bootstrap over images. */
  readonly per100: number;
  readonly interval: Interval | null;
  /** The method minus the reference, in phrases per hundred answers; null for the reference itself. */
  readonly against: Pick<
    Comparison,
    "reference" | "difference" | "interval" | "adjustedPValue" | "shown"
  > | null;
}

/**
 * Which method has how many hallucinated phrases of which cause, and whether it has fewer than the reference: the paired
 * bootstrap over images, with Holm's correction over the methods for each cause.
 *
 * @param phrases hallucinated ones
 */
export function countCauses(
  answers: readonly CaptionAnswer[],
  phrases: readonly ExplainedPhrase[],
  reference: string,
  seed: number,
): CauseFigure[] {
  const methods = [...new Set(answers.map(({ method }) => method))];
  const counts = new Map(methods.map((method) => [method, countsOf(method, answers, phrases)]));
  return CAUSES.flatMap((cause) => {
    const metric = ratioMetric({
      name: cause,
      title: cause,
      unit: "count",
      better: "lower",
      part: cause,
      whole: "hundreds",
      undefinedReason: "there is no answer",
    });
    const results = methods.map((method) => ({
      method,
      clusters: counts.get(method)!,
      right: null,
    }));
    const own = results.find(({ method }) => method === reference);
    const others = results.filter(({ method }) => method !== reference);
    const compared = own === undefined ? [] : compareMethods(others, own, metric, { seed });
    return results.map(({ method, clusters }): CauseFigure => {
      const totals = [...clusters.values()];
      const total = (name: string) => totals.reduce((sum, one) => sum + (one[name] ?? 0), 0);
      const found = compared.find((one) => one.method === method);
      return {
        method,
        cause,
        phrases: total(cause),
        answers: Math.round(100 * total("hundreds")),
        per100: total(cause) / total("hundreds"),
        interval: metricIntervals(totals, [metric], { seed })[cause] ?? null,
        against:
          found === undefined
            ? null
            : {
                reference,
                difference: found.difference,
                interval: found.interval,
                adjustedPValue: found.adjustedPValue,
                shown: found.shown,
              },
      };
    });
  });
}

function countsOf(
  method: string,
  answers: readonly CaptionAnswer[],
  phrases: readonly ExplainedPhrase[],
): Map<string, Counts> {
  const counts = new Map<string, Record<string, number>>();
  const add = (image: string, name: string, by: number) => {
    const own = counts.get(image) ?? Object.fromEntries(CAUSES.map((cause) => [cause, 0]));
    counts.set(image, own);
    own[name] = (own[name] ?? 0) + by;
  };
  for (const one of answers) if (one.method === method) add(one.image, "hundreds", 0.01);
  for (const { image, cause, ...one } of phrases) {
    if (one.method !== method) continue;
    add(image, cause ?? "untold", 1);
    add(image, "all", 1);
  }
  return counts;
}

/** The causes that a phrase can have. */
export const TOLD_CAUSES: readonly Cause[] = ["language", "instruction-tuning", "style", "vision"];
