import {
  type BootstrapOptions,
  type Interval,
  isUnvaried,
  metricIntervals,
  percentileInterval,
  ratioMetric,
  unvariedInterval,
} from "../../eval/index.js";
import { InvalidArgumentError, SeededRandom } from "../../index.js";
import { groupBy } from "../../math/group-by.js";
import type { Estimate } from "../contract/analysis.js";

/** Options of {@link clusterEstimate}. */
export interface ClusterOptions extends BootstrapOptions {
  /** Lowest and highest value that the figure can have. */
  readonly range?: Interval;
  /** Clusters that it rests on; those of the items where left out. */
  readonly clusters?: number;
}

/**
 * A figure of some observations with its interval by bootstrap over clusters: as many clusters as there are, drawn with
 * replacement, each with all that was observed in it. Clusters are images, since what is seen in one is not independent.
 * Draws in which the figure is undefined are left out. Where all draws are the same, they say nothing of what is left to
 * know: the interval is evaluation's for clusters without exception, and none for a figure without `range`.
 *
 * @param items what was observed
 * @param clusterOf the cluster that an item belongs to
 * @param statistic the figure, of the items in any order; null where it is undefined
 * @returns without ends where there are fewer than two clusters
 */
export function clusterEstimate<T>(
  items: readonly T[],
  clusterOf: (item: T) => string,
  statistic: (items: readonly T[]) => number | null,
  { resamples = 1000, level, seed = 0, range, clusters: told }: ClusterOptions = {},
): Estimate {
  if (!Number.isInteger(resamples) || resamples < 100) {
    throw new InvalidArgumentError(
      `resamples: received ${resamples}; expected an integer of at least 100`,
    );
  }
  const clusters = [...groupBy(items, clusterOf).values()];
  const value = statistic(items);
  const n = items.length;
  if (clusters.length < 2 || value === null) return { value, low: null, high: null, n };
  const random = new SeededRandom(seed, "bootstrap");
  const drawn: number[] = [];
  for (let resample = 0; resample < resamples; resample++) {
    const sample: T[] = [];
    for (let i = 0; i < clusters.length; i++) {
      for (const item of clusters[random.integer(clusters.length)]!) sample.push(item);
    }
    const figure = statistic(sample);
    if (figure !== null) drawn.push(figure);
  }
  const interval = percentileInterval(drawn, level);
  if (interval === null || !isUnvaried(interval)) return { value, n, ...(interval ?? NO_ENDS) };
  const ends =
    range === undefined ? NO_ENDS : unvariedInterval(value, range, told ?? clusters.length, level);
  return { value, n, ...ends };
}

const NO_ENDS = { low: null, high: null };

/** The mean of what is observed, with its interval by bootstrap over clusters; see {@link clusterEstimate}. */
export function meanEstimate<T>(
  items: readonly T[],
  clusterOf: (item: T) => string,
  numberOf: (item: T) => number,
  options: ClusterOptions = {},
): Estimate {
  return clusterEstimate(items, clusterOf, (sample) => mean(sample.map(numberOf)), options);
}

/**
 * The difference of two means, after less before, with its interval by bootstrap over clusters. Clusters that both were
 * observed in are drawn with all of both, so that what is alike in them (the same images) is no part of the interval.
 */
export function differenceEstimate<T>(
  before: readonly T[],
  after: readonly T[],
  clusterOf: (item: T) => string,
  numberOf: (item: T) => number,
  options: ClusterOptions = {},
): Estimate {
  const items = [
    ...before.map((item) => ({ cluster: clusterOf(item), number: numberOf(item), isAfter: false })),
    ...after.map((item) => ({ cluster: clusterOf(item), number: numberOf(item), isAfter: true })),
  ];
  const difference = (sample: readonly (typeof items)[number][]) => {
    const [from, to] = [false, true].map((isAfter) =>
      mean(sample.filter((one) => one.isAfter === isAfter).map(({ number }) => number)),
    );
    return from == null || to == null ? null : to - from;
  };
  const clusters = Math.min(...[before, after].map((all) => new Set(all.map(clusterOf)).size));
  return clusterEstimate(items, ({ cluster }) => cluster, difference, { clusters, ...options });
}

/** The difference of two shares, after less before, in percentage points; see {@link differenceEstimate}. */
export function shareDifference<T>(
  before: readonly T[],
  after: readonly T[],
  clusterOf: (item: T) => string,
  isHit: (item: T) => boolean,
  options: BootstrapOptions = {},
): Estimate {
  return differenceEstimate(before, after, clusterOf, percentOf(isHit), {
    range: POINTS,
    ...options,
  });
}

/** What a figure in percent can be. */
export const PERCENT: Interval = { low: 0, high: 100 };
/** What a difference of two figures in percent can be. */
export const POINTS: Interval = { low: -100, high: 100 };

/**
 * The share of observations, in percent, with evaluation's interval: by bootstrap over clusters, or where all clusters are
 * alike (none, or all) Clopper and Pearson's.
 */
export function shareEstimate<T>(
  items: readonly T[],
  clusterOf: (item: T) => string,
  isHit: (item: T) => boolean,
  options: BootstrapOptions = {},
): Estimate {
  const counts = [...groupBy(items, clusterOf).values()].map((cluster) => ({
    hits: cluster.filter(isHit).length,
    all: cluster.length,
  }));
  const interval = metricIntervals(counts, [SHARE], options)[SHARE.name] ?? null;
  const value = mean(items.map(percentOf(isHit)));
  return { value, low: interval?.low ?? null, high: interval?.high ?? null, n: items.length };
}

const SHARE = ratioMetric({
  name: "share",
  title: "Share",
  unit: "percent",
  better: "neither",
  part: "hits",
  whole: "all",
  undefinedReason: "nothing was observed",
});

/** The mean of numbers; null where there are none. */
export function mean(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

function percentOf<T>(isHit: (item: T) => boolean): (item: T) => number {
  return (item) => (isHit(item) ? 100 : 0);
}
