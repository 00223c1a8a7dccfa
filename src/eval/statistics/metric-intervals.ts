import type { Counts, Metric } from "../contract/benchmark.js";
import {
  type BootstrapOptions,
  drawClusters,
  type Interval,
  percentileInterval,
} from "./cluster-bootstrap.js";
import { clustersWith, isUnvaried, rangeOf, unvariedInterval } from "./unvaried.js";

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
): Record<string, Interval | null> {
  const values = metrics.map((): number[] => []);
  drawClusters(
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
