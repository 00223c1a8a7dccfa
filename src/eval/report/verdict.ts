import type { MetricInfo } from "../contract/benchmark.js";
import type { Comparison } from "../statistics/compare-methods.js";
import { formatInterval, formatValue, shownNumber } from "./format-value.js";
import type { Frontier, FrontierComparison } from "./run-analysis.js";

/**
 * A comparison in plain words, for example "vcd is better than regular: Accuracy +3.1 points (95% interval
 * 1.2 to 5.0, p = 0.004)" or "no difference shown between apc and regular: ...".
 */
export function verdict(comparison: Comparison, metric: MetricInfo): string {
  const { method, reference, difference, shown } = comparison;
  const figures = `${metric.title} ${differenceText(metric, comparison)}`;
  if (!shown) return `no difference shown between ${method} and ${reference}: ${figures}`;
  return `${method} is ${direction(metric, difference)} than ${reference}: ${figures}`;
}

/**
 * A caption method beside the trivial baselines in plain words, for example "vcd is better than regular with its
 * captions cut shorter: at Object recall 70.4, where cut captions have CHAIR_i 14.0, -2.10 points (...)".
 */
export function frontierVerdict(
  one: Omit<FrontierComparison, "verdict">,
  { recall, hallucination }: Pick<Frontier, "recall" | "hallucination">,
): string {
  const figure = (metric: MetricInfo, value: number) =>
    `${metric.title} ${formatValue(metric, { value })}`;
  const figures =
    `at ${figure(recall, one.recall)}, where cut captions have ` +
    `${figure(hallucination, one.baseline)}, ${differenceText(hallucination, one)}`;
  const baseline = "regular with its captions cut shorter";
  if (!one.shown) return `no difference shown between ${one.method} and ${baseline}: ${figures}`;
  return `${one.method} is ${direction(hallucination, one.difference)} than ${baseline}: ${figures}`;
}

/** For example `+3.1 points (95% interval 1.2 to 5.0, p = 0.004)`. */
function differenceText(
  metric: MetricInfo,
  {
    difference,
    interval,
    adjustedPValue,
  }: Pick<Comparison, "difference" | "interval" | "adjustedPValue">,
): string {
  const size = shownNumber(metric, difference);
  const signed = `${size > 0 ? "+" : ""}${size.toFixed(Math.abs(size) < 10 ? 2 : 1)}`;
  const points = metric.unit === "share" || metric.unit === "percent" ? " points" : "";
  const sure =
    interval === null ? "no interval" : `95% interval ${formatInterval(metric, interval)}`;
  return `${signed}${points} (${sure}, ${formatPValue(adjustedPValue)})`;
}

function direction(metric: MetricInfo, difference: number): string {
  if (metric.better === "neither") return difference > 0 ? "higher" : "lower";
  return isBetter(metric, difference) ? "better" : "worse";
}

/** Whether a difference is for the better; never where neither way is. */
export function isBetter({ better }: MetricInfo, difference: number): boolean {
  return better === "higher" ? difference > 0 : better === "lower" && difference < 0;
}

/** `p = 0.012`, or `p < 0.001`. */
export function formatPValue(p: number): string {
  return p < 0.001 ? "p < 0.001" : `p = ${p.toFixed(3)}`;
}
