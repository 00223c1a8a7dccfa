import type { Counts, Metric } from "../contract/benchmark.js";
import { addCounts } from "../metrics/add-counts.js";
import {
  type BootstrapOptions,
  drawClusters,
  type Interval,
  percentileInterval,
} from "./cluster-bootstrap.js";
import { isUnvaried, rangeOf, unvariedInterval } from "./unvaried.js";

/** A difference between two methods on the same questions, first minus second. */
export interface PairedDifference {
  readonly difference: number;
  /** Null when every cluster differs alike and the metric's unit has no highest and lowest value. */
  readonly interval: Interval | null;
  /** Two-sided, from the share of draws on the other side of 0. */
  readonly pValue: number;
}

/**
 * The paired bootstrap: the same clusters are drawn for both methods, and the metric's difference is
 * taken in each draw. p = 2 min(P(d <= 0), P(d >= 0)), one draw added to each side so that p > 0.
 *
 * Few clusters cannot show much, however often they are drawn: where k clusters differ at all, chance gives
 * them all the same sign in 2 of 2^k cases, so p is at least that. Where all draws are the same, the
 * interval is {@link unvariedInterval}.
 *
 * @param a counts of the first method by cluster
 * @param b counts of the second, in the same order of clusters
 * @returns null when the metric is undefined for either method
 * @see Efron and Tibshirani 1993, chapter 16; Koehn 2004 for its use in comparing systems
 */
export function pairedBootstrap(
  a: readonly Counts[],
  b: readonly Counts[],
  metric: Metric,
  options: BootstrapOptions = {},
): PairedDifference | null {
  const difference = differenceOf(metric, addCounts(a), addCounts(b));
  if (difference === null) return null;
  const draws: number[] = [];
  drawClusters(
    [a, b],
    ([first, second]) => {
      const drawn = differenceOf(metric, first ?? {}, second ?? {});
      if (drawn !== null) draws.push(drawn);
    },
    options,
  );
  const drawn = percentileInterval(draws, options.level);
  if (drawn === null) return null;
  const atMost = draws.filter((d) => d <= 0).length;
  const atLeast = draws.filter((d) => d >= 0).length;
  const share = (2 * (Math.min(atMost, atLeast) + 1)) / (draws.length + 1);
  const differing = a.filter((counts, i) => !sameCounts(counts, b[i] ?? {})).length;
  const pValue = Math.min(1, Math.max(share, 2 / 2 ** differing));
  // Images on which the metric says nothing (no unusual colour) do not count as images without exception.
  const told = a.filter((counts, i) => differenceOf(metric, counts, b[i] ?? {}) !== null).length;
  return { difference, interval: withWidth(drawn, metric, told, options), pValue };
}

function withWidth(
  drawn: Interval,
  metric: Metric,
  clusters: number,
  { level }: BootstrapOptions,
): Interval | null {
  if (!isUnvaried(drawn)) return drawn;
  const range = rangeOf(metric);
  if (range === null) return null;
  const most = range.high - range.low;
  return unvariedInterval(drawn.low, { low: -most, high: most }, clusters, level);
}

function sameCounts(a: Counts, b: Counts): boolean {
  return [...Object.keys(a), ...Object.keys(b)].every((key) => (a[key] ?? 0) === (b[key] ?? 0));
}

function differenceOf(metric: Metric, a: Counts, b: Counts): number | null {
  const first = metric.of(a).value;
  const second = metric.of(b).value;
  return first === null || second === null ? null : first - second;
}
