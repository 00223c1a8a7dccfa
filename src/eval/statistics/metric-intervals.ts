import type { Counts, Metric } from "../contract/benchmark.js";
import { atOnce, inTurns, type Turns } from "../data/turns.js";
import {
  type BootstrapOptions,
  drawClusters,
  type Interval,
  percentileInterval,
} from "./cluster-bootstrap.js";
import { clustersWith, isUnvaried, rangeOf, unvariedInterval } from "./unvaried.js";

/** An interval for each metric by its name; null where there is none. */
export type Intervals = Record<string, Interval | null>;

/**
 * A cluster-bootstrap interval for every metric, from the same draws. Draws in which a metric is
 * undefined are left out for that metric; null when it is undefined in all. Where all draws are the same
 * (100% right), it is Clopper and Pearson's over clusters, and null for a metric without highest and lowest value.
 *
 * @param clusters counts of each cluster
 */
export function metricIntervals(
  clusters: readonly Counts[],
  metrics: readonly Metric[],
  options: BootstrapOptions = {},
): Intervals {
  return atOnce(intervalsOf(clusters, metrics, options));
}

/** {@link metricIntervals} that let signals and others through while they are drawn. */
export function metricIntervalsInTurns(
  clusters: readonly Counts[],
  metrics: readonly Metric[],
  options: BootstrapOptions = {},
): Promise<Intervals> {
  return inTurns(intervalsOf(clusters, metrics, options));
}

/** {@link metricIntervals}, with a rest after each draw. */
export function* intervalsOf(
  clusters: readonly Counts[],
  metrics: readonly Metric[],
  options: BootstrapOptions = {},
): Turns<Intervals> {
  const values = metrics.map((): number[] => []);
  yield* drawClusters(
    [clusters],
    ([totals]) => {
      for (const [m, metric] of metrics.entries()) {
        const { value } = metric.of(totals ?? {});
        if (value !== null) values[m]?.push(value);
      }
    },
    options,
  );
  return Object.fromEntries(
    metrics.map((metric, m) => {
      const drawn = percentileInterval(values[m] ?? [], options.level);
      return [metric.name, drawn === null ? null : withWidth(drawn, metric, clusters, options)];
    }),
  );
}

function withWidth(
  drawn: Interval,
  metric: Metric,
  clusters: readonly Counts[],
  { level }: BootstrapOptions,
): Interval | null {
  if (!isUnvaried(drawn)) return drawn;
  const range = rangeOf(metric);
  if (range === null) return null;
  return unvariedInterval(drawn.low, range, clustersWith(metric, clusters), level);
}
