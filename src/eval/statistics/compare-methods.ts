import type { Counts, Metric } from "../contract/benchmark.js";
import { atOnce, mapInTurns, type Turns } from "../data/turns.js";
import type { BootstrapOptions, Interval } from "./cluster-bootstrap.js";
import { holm } from "./holm.js";
import { mcnemar } from "./mcnemar.js";
import { pairedDifferences } from "./paired-bootstrap.js";

/** A method's results on the questions of one set. */
export interface MethodResults {
  readonly method: string;
  /** Counts by cluster (image), means over seeds or draws. */
  readonly clusters: ReadonlyMap<string, Counts>;
  /** Whether each question was right; null where that is no yes or no, or there are several seeds or draws. */
  readonly right: ReadonlyMap<string, boolean> | null;
  /** Whether each yes/no question was answered with yes; null or absent likewise. */
  readonly saidYes?: ReadonlyMap<string, boolean> | null;
}

/** A method against a reference on the same questions. */
export interface Comparison {
  readonly method: string;
  readonly reference: string;
  readonly metric: string;
  /** Method minus reference, in the metric's own unit. */
  readonly difference: number;
  /**
   * Null when every image differs alike and the metric's unit has no highest and lowest value, and when a part of the
   * benchmark that the metric is summed over has one image.
   */
  readonly interval: Interval | null;
  readonly test: "McNemar (mid-p)" | "paired bootstrap";
  readonly pValue: number;
  /** After Holm's correction over all methods compared with this reference. */
  readonly adjustedPValue: number;
  /** True when the adjusted p-value is at most 0.05 and the interval does not hold 0. */
  readonly shown: boolean;
}

/** A difference is called one when its p-value after correction is at most this. */
const LEVEL = 0.05;

/** A comparison among which nothing is corrected yet. */
export type SingleComparison = Omit<Comparison, "adjustedPValue" | "shown">;

/**
 * Compares methods with a reference on one metric, with Holm's correction over the methods. The interval
 * is the paired bootstrap's over images. The p-value is McNemar's where the metric is the accuracy or the yes
 * ratio of single answers, else the paired bootstrap's. A difference counts as shown only when both agree.
 *
 * Clusters that only one of two methods has are left out of their comparison.
 */
export function compareMethods(
  methods: readonly MethodResults[],
  reference: MethodResults,
  metric: Metric,
  options: BootstrapOptions = {},
): Comparison[] {
  return atOnce(compareOnMetrics(methods, reference, [metric], options));
}

/**
 * {@link compareMethods} on several metrics from the same draws, with rests; Holm's correction is over the methods, metric
 * by metric.
 */
export function* compareOnMetrics(
  methods: readonly MethodResults[],
  reference: MethodResults,
  metrics: readonly Metric[],
  options: BootstrapOptions = {},
): Turns<Comparison[]> {
  const pairs = yield* mapInTurns(methods, (method) =>
    comparePair(method, reference, metrics, options),
  );
  return metrics.flatMap((_, m) => corrected(pairs.flatMap((compared) => compared[m] ?? [])));
}

/**
 * One method against a reference on several metrics, without correction; null where a metric is undefined for either.
 */
export function* comparePair(
  method: MethodResults,
  reference: MethodResults,
  metrics: readonly Metric[],
  options: BootstrapOptions = {},
): Turns<(SingleComparison | null)[]> {
  const shared = [...method.clusters.keys()].filter((key) => reference.clusters.has(key));
  const own = shared.map((key) => method.clusters.get(key) ?? {});
  const others = shared.map((key) => reference.clusters.get(key) ?? {});
  const found = yield* pairedDifferences(own, others, metrics, options);
  return found.map((paired, m) => {
    if (paired === null) return null;
    const metric = metrics[m]!.name;
    const { difference, interval, differing } = paired;
    const answers = mcnemarOf(method, reference, metric);
    // The mid-p of as many answers as there are clusters that differ: many answers about one image are like one.
    const exact = answers === null ? null : Math.max(answers, 2 ** -differing);
    return {
      method: method.method,
      reference: reference.method,
      metric,
      difference,
      interval,
      pValue: exact ?? paired.pValue,
      test: exact === null ? "paired bootstrap" : "McNemar (mid-p)",
    };
  });
}

/** Comparisons of one question, by Holm's correction over all of them. */
export function corrected<T extends Pick<SingleComparison, "interval" | "pValue">>(
  comparisons: readonly T[],
): (T & Pick<Comparison, "adjustedPValue" | "shown">)[] {
  const adjusted = holm(comparisons.map(({ pValue }) => pValue));
  return comparisons.map((one, index) => {
    const adjustedPValue = adjusted[index] ?? 1;
    const { low, high } = one.interval ?? { low: 0, high: 0 };
    return { ...one, adjustedPValue, shown: adjustedPValue <= LEVEL && (low > 0 || high < 0) };
  });
}

/** McNemar's p-value where the metric is a share of single answers that are yes or no; else null. */
function mcnemarOf(method: MethodResults, reference: MethodResults, metric: string): number | null {
  const answersOf = ({ right, saidYes = null }: MethodResults) =>
    metric === "accuracy" ? right : metric === "yes_ratio" ? saidYes : null;
  const answers = answersOf(method);
  const others = answersOf(reference);
  if (answers === null || others === null) return null;
  let onlyMethod = 0;
  let onlyReference = 0;
  for (const [id, is] of answers) {
    const other = others.get(id);
    if (is && other === false) onlyMethod++;
    if (!is && other === true) onlyReference++;
  }
  return mcnemar(onlyMethod, onlyReference);
}
