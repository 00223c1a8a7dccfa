import type { Counts, Metric } from "../contract/benchmark.js";
import {
  type BootstrapOptions,
  drawClusters,
  type Interval,
  percentileInterval,
} from "./cluster-bootstrap.js";

/**
 * A cluster-bootstrap interval for every metric, from the same draws. Draws in which a metric is
 * undefined are left out for that metric; null when it is undefined in all.
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
    metrics.map((metric, m) => [metric.name, percentileInterval(values[m] ?? [], options.level)]),
  );
}
