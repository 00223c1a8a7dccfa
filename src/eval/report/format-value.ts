import type { MetricInfo, MetricValue } from "../contract/benchmark.js";
import type { Interval } from "../statistics/cluster-bootstrap.js";

/** Digits after the point, by unit, in figures for people. */
const DIGITS: Readonly<Record<MetricInfo["unit"], number>> = {
  share: 1,
  percent: 1,
  points: 2,
  words: 1,
  count: 2,
};

/** A figure in the unit people read it in: shares become percent. */
export function shownNumber(metric: MetricInfo, value: number): number {
  return metric.unit === "share" ? 100 * value : value;
}

/** For example `87.3` or `undefined (no answer said yes)`. */
export function formatValue(metric: MetricInfo, value: MetricValue): string {
  if (value.value === null) return `undefined (${value.reason})`;
  return shownNumber(metric, value.value).toFixed(DIGITS[metric.unit]);
}

/** For example `85.1 to 89.4`; empty when there is none. */
export function formatInterval(metric: MetricInfo, interval: Interval | null | undefined): string {
  if (interval === null || interval === undefined) return "";
  const [low, high] = [interval.low, interval.high].map((end) =>
    shownNumber(metric, end).toFixed(DIGITS[metric.unit]),
  );
  return `${low} to ${high}`;
}

/** For example `87.3%`; without unit where it is undefined. */
export function formatWithUnit(metric: MetricInfo, value: MetricValue): string {
  return formatValue(metric, value) + (value.value === null ? "" : unitOf(metric));
}

/** `%` where the metric is a percentage for people, else its unit, empty for points. */
export function unitOf(metric: MetricInfo): string {
  if (metric.unit === "share" || metric.unit === "percent") return "%";
  return metric.unit === "points" || metric.unit === "count" ? "" : ` ${metric.unit}`;
}
