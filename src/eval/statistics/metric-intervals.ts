import type { Counts, Metric } from "../contract/benchmark.js";
import { atOnce, inTurns, type Turns } from "../data/turns.js";
import {
  type BootstrapOptions,
  drawClusters,
  type Interval,
  percentileInterval,
} from "./cluster-bootstrap.js";
import { hasSingleClusterStratum } from "./single-cluster-stratum.js";
import { clustersWith, isUnvaried, rangeOf, unvariedInterval } from "./unvaried.js";

/** An interval for each metric by its name; null where there is none. */
export type Intervals = Record<string, Interval | null>;

/** Counts of each cluster, and the metrics that are computed from them. */
export interface CountedMetrics {
  readonly clusters: readonly Counts[];
  readonly metrics: readonly Metric[];
}

/**
 * A cluster-bootstrap interval for every metric, from the same draws. Draws in which a metric is
 * undefined are left out for that metric; null when it is undefined in all. Where all draws are the same
 * (100% right), it is Clopper and Pearson's over clusters, and null for a metric without highest and lowest value.
 * Metrics with a stratum are drawn within their strata, and have none where one that counts holds a single cluster.
 *
 * @param clusters counts of each cluster
 */
export function metricIntervals(
  clusters: readonly Counts[],
  metrics: readonly Metric[],
  options: BootstrapOptions = {},
): Intervals {
  return atOnce(jointIntervals([{ clusters, metrics }], options))[0]!;
}

/**
 * Intervals of several kinds of counts of the same clusters, as `metricIntervals` has them of one, all from the same
 * draws. Signals and others are let through while they are drawn.
 *
 * @param counted the same clusters in the same order, each time
 * @returns the intervals of each kind
 */
export function jointIntervalsInTurns(
  counted: readonly CountedMetrics[],
  options: BootstrapOptions = {},
): Promise<Intervals[]> {
  return inTurns(jointIntervals(counted, options));
}

/** {@link jointIntervalsInTurns}, with a rest after each draw. */
export function* jointIntervals(
  counted: readonly CountedMetrics[],
  options: BootstrapOptions = {},
): Turns<Intervals[]> {
  const kinds = counted.map(({ clusters, metrics }) => ({
    clusters,
    all: metrics.map((metric) => ({ metric, values: [] as number[] })),
  }));
  for (const stratum of new Set(
    counted.flatMap(({ metrics }) => metrics.map((one) => one.stratum)),
  )) {
    const drawn = kinds.flatMap(({ clusters, all }) => {
      const own = all.filter(({ metric }) => metric.stratum === stratum);
      return own.length === 0 ? [] : [{ clusters, own }];
    });
    yield* drawClusters(
      drawn.map(({ clusters }) => clusters),
      (totals) => {
        for (const [kind, { own }] of drawn.entries()) {
          for (const { metric, values } of own) {
            const { value } = metric.of(totals[kind]!);
            if (value !== null) values.push(value);
          }
        }
      },
      options,
      stratum,
    );
  }
  return kinds.map(({ clusters, all }) =>
    Object.fromEntries(
      all.map(({ metric, values }) => [
        metric.name,
        intervalFrom(values, metric, clusters, options),
      ]),
    ),
  );
}

function intervalFrom(
  values: readonly number[],
  metric: Metric,
  clusters: readonly Counts[],
  { level }: BootstrapOptions,
): Interval | null {
  const drawn = percentileInterval(values, level);
  if (drawn === null || hasSingleClusterStratum(metric, clusters)) return null;
  if (!isUnvaried(drawn)) return drawn;
  const range = rangeOf(metric);
  if (range === null) return null;
  return unvariedInterval(drawn.low, range, clustersWith(metric, clusters), level);
}
