import { InvalidArgumentError } from "../../errors.js";
import type { Benchmark, Metric } from "../contract/benchmark.js";

/**
 * The metric that comparisons between methods are about.
 *
 * @throws InvalidArgumentError when the benchmark names one that it does not have
 */
export function primaryMetricOf({ name, metrics, primaryMetric }: Benchmark): Metric {
  const found = metrics.find((metric) => metric.name === primaryMetric);
  if (found !== undefined) return found;
  const names = metrics.map((metric) => metric.name).join(", ");
  throw new InvalidArgumentError(
    `primary metric of ${name}: received ${primaryMetric}; expected one of ${names || "its metrics"}`,
  );
}
