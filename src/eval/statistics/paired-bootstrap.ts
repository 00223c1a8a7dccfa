import type { Counts, Metric } from "../contract/benchmark.js";
import { atOnce, type Turns } from "../data/turns.js";
import { addCounts } from "../metrics/add-counts.js";
import {
  type BootstrapOptions,
  drawClusters,
  type Interval,
  percentileInterval,
} from "./cluster-bootstrap.js";
import { hasSingleClusterStratum } from "./single-cluster-stratum.js";
import { isUnvaried, rangeOf, unvariedInterval } from "./unvaried.js";

/** A difference between two methods on the same questions, first minus second. */
export interface PairedDifference {
  readonly difference: number;
  /**
   * Null when every cluster differs alike and the metric's unit has no highest and lowest value, and when a stratum that
   * counts holds a single cluster.
   */
  readonly interval: Interval | null;
  /** Two-sided, from the share of draws on the other side of 0; 1 where a stratum that counts holds a single cluster. */
  readonly pValue: number;
  /** Clusters in which the two differ at all, at most 64. */
  readonly differing: number;
}

/**
 * The paired bootstrap: the same clusters are drawn for both methods, and each metric's difference is
 * taken in each draw. p = 2 min(P(d <= 0), P(d >= 0)), one draw added to each side so that p > 0.
 *
 * Few clusters cannot show much, however often they are drawn: where k clusters differ at all, chance gives
 * them all the same sign in 2 of 2^k cases, so p is at least that. Where all draws are the same, the
 * interval is {@link unvariedInterval}. Metrics with a stratum are drawn within their strata.
 *
 * @param a counts of the first method by cluster
 * @param b counts of the second, in the same order of clusters
 * @returns for each metric its difference; null when it is undefined for either method
 * @see Efron and Tibshirani 1993, chapter 16; Koehn 2004 for its use in comparing systems
 */
export function* pairedDifferences(
  a: readonly Counts[],
  b: readonly Counts[],
  metrics: readonly Metric[],
  options: BootstrapOptions = {},
): Turns<(PairedDifference | null)[]> {
  const draws = metrics.map((): number[] => []);
  for (const stratum of new Set(metrics.map((metric) => metric.stratum))) {
    yield* drawClusters(
      [a, b],
      ([first = {}, second = {}]) => {
        for (const [m, metric] of metrics.entries()) {
          const drawn = metric.stratum === stratum ? differenceOf(metric, first, second) : null;
          if (drawn !== null) draws[m]!.push(drawn);
        }
      },
      options,
      stratum,
    );
  }
  return metrics.map((metric, m) => differenceFrom(draws[m]!, a, b, metric, options));
}

/** {@link pairedDifferences} of one metric, without a rest. */
export function pairedBootstrap(
  a: readonly Counts[],
  b: readonly Counts[],
  metric: Metric,
  options: BootstrapOptions = {},
): PairedDifference | null {
  return atOnce(pairedDifferences(a, b, [metric], options))[0] ?? null;
}

function differenceFrom(
  draws: readonly number[],
  a: readonly Counts[],
  b: readonly Counts[],
  metric: Metric,
  options: BootstrapOptions,
): PairedDifference | null {
  const difference = differenceOf(metric, addCounts(a), addCounts(b));
  if (difference === null) return null;
  const drawn = percentileInterval(draws, options.level);
  if (drawn === null) return null;
  const differing = differingClusters(a, b, metric);
  if (hasSingleClusterStratum(metric, a)) {
    return { difference, interval: null, pValue: 1, differing };
  }
  const pValue = twoSidedP(draws, differing);
  // Images on which the metric says nothing (no unusual colour) do not count as images without exception.
  const told = a.filter((counts, i) => differenceOf(metric, counts, b[i] ?? {}) !== null).length;
  return { difference, interval: withWidth(drawn, metric, told, options), pValue, differing };
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

/**
 * @param draws differences that were drawn
 * @param differing clusters in which the two differ at all
 * @returns p in (0, 1]
 */
export function twoSidedP(draws: readonly number[], differing: number): number {
  const atMost = draws.filter((d) => d <= 0).length;
  const atLeast = draws.filter((d) => d >= 0).length;
  const share = (2 * (Math.min(atMost, atLeast) + 1)) / (draws.length + 1);
  return Math.min(1, Math.max(share, 2 / 2 ** differing));
}

/** More of them would not raise the p-value, however many draws there are. */
const MANY_CLUSTERS = 64;

/** Clusters in which two methods differ for a metric: taking one from the other method changes its value. At most 64. */
export function differingClusters(
  a: readonly Counts[],
  b: readonly Counts[],
  metric: Metric,
): number {
  const total = addCounts(a);
  const value = metric.of(total).value;
  let differing = 0;
  for (let i = 0; i < a.length && differing < MANY_CLUSTERS; i++) {
    const [own = {}, other = {}] = [a[i], b[i]];
    if (sameCounts(own, other)) continue;
    const changed = metric.of(addCounts([total, negative(own), other])).value;
    const same = value === null || changed === null ? value === changed : isClose(value, changed);
    if (!same) differing++;
  }
  return differing;
}

function negative(counts: Counts): Counts {
  return Object.fromEntries(Object.entries(counts).map(([key, value]) => [key, -value]));
}

/** Counts that are means over seeds are rounded in their last digits. */
function isClose(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-12 * Math.max(1, Math.abs(a), Math.abs(b));
}

function sameCounts(a: Counts, b: Counts): boolean {
  return [...Object.keys(a), ...Object.keys(b)].every((key) => (a[key] ?? 0) === (b[key] ?? 0));
}

function differenceOf(metric: Metric, a: Counts, b: Counts): number | null {
  const first = metric.of(a).value;
  const second = metric.of(b).value;
  return first === null || second === null ? null : first - second;
}
