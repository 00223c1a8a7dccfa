import type { MetricInfo } from "../contract/benchmark.js";
import type { Comparison } from "../statistics/compare-methods.js";
import { formatInterval, shownNumber } from "./format-value.js";

/**
 * A comparison in plain words, for example "vcd is better than regular: Accuracy +3.1 points (95% interval
 * 1.2 to 5.0, p = 0.004)" or "no difference shown between apc and regular: ...".
 */
export function verdict(comparison: Comparison, metric: MetricInfo): string {
  const { method, reference, difference, interval, adjustedPValue, shown } = comparison;
  const size = shownNumber(metric, difference);
  const signed = `${size > 0 ? "+" : ""}${size.toFixed(Math.abs(size) < 10 ? 2 : 1)}`;
  const points = metric.unit === "share" || metric.unit === "percent" ? " points" : "";
  const figures =
    `${metric.title} ${signed}${points} ` +
    `(${interval === null ? "no interval" : `95% interval ${formatInterval(metric, interval)}`}, ${formatPValue(adjustedPValue)})`;
  if (!shown) return `no difference shown between ${method} and ${reference}: ${figures}`;
  return `${method} is ${direction(metric, difference)} than ${reference}: ${figures}`;
}

function direction(metric: MetricInfo, difference: number): string {
  if (metric.better === "neither") return difference > 0 ? "higher" : "lower";
  return difference > 0 === (metric.better === "higher") ? "better" : "worse";
}

/** `p = 0.012`, or `p < 0.001`. */
export function formatPValue(p: number): string {
  return p < 0.001 ? "p < 0.001" : `p = ${p.toFixed(3)}`;
}
