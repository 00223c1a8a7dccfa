import type { Counts, Metric } from "../contract/benchmark.js";
import { addCounts } from "../metrics/add-counts.js";
import {
  type BootstrapOptions,
  drawClusters,
  type Interval,
  percentileInterval,
} from "./cluster-bootstrap.js";

/** A difference between two methods on the same questions, first minus second. */
export interface PairedDifference {
  readonly difference: number;
  readonly interval: Interval;
  /** Two-sided, from the share of draws on the other side of 0. */
  readonly pValue: number;
}

/**
 * The paired bootstrap: the same clusters are drawn for both methods, and the metric's difference is
 * taken in each draw. p = 2 min(P(d <= 0), P(d >= 0)), one draw added to each side so that p > 0.
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
  const interval = percentileInterval(draws, options.level);
  if (interval === null) return null;
  const atMost = draws.filter((d) => d <= 0).length;
  const atLeast = draws.filter((d) => d >= 0).length;
  const pValue = Math.min(1, (2 * (Math.min(atMost, atLeast) + 1)) / (draws.length + 1));
  return { difference, interval, pValue };
}

function differenceOf(metric: Metric, a: Counts, b: Counts): number | null {
  const first = metric.of(a).value;
  const second = metric.of(b).value;
  return first === null || second === null ? null : first - second;
}
