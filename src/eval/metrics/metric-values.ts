import type { Benchmark, Counts, MetricValue } from "../contract/benchmark.js";

/** All metrics of a benchmark from summed counts, by name. */
export function metricValues(
  { metrics }: Pick<Benchmark, "metrics">,
  counts: Counts,
): Record<string, MetricValue> {
  return Object.fromEntries(metrics.map((metric) => [metric.name, metric.of(counts)]));
}
