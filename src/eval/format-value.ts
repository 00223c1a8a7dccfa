import type { Metric, MetricValue } from "./benchmark.js";
import type { Interval } from "./statistics/cluster-bootstrap.js";

/** Digits after the point, by unit, in figures for people. */
const DIGITS: Readonly<Record<Metric["unit"], number>> = {
  share: 1,
  percent: 1,
  points: 2,
  words: 1,
  count: 2,
};

/** A figure in the unit people read it in: shares become percent. */
export function shownNumber(metric: Metric, value: number): number {
  return metric.unit === "share" ? 100 * value : value;
}

/** For example `87.3` or `undefined (no answer said yes)`. */
export function formatValue(metric: Metric, value: MetricValue): string {
  if (value.value === null) return `undefined (${value.reason})`;
  return shownNumber(metric, value.value).toFixed(DIGITS[metric.unit]);
}

/** For example `85.1 to 89.4`; empty when there is none. */
export function formatInterval(metric: Metric, interval: Interval | null | undefined): string {
  if (interval === null || interval === undefined) return "";
  const [low, high] = [interval.low, interval.high].map((end) =>
    shownNumber(metric, end).toFixed(DIGITS[metric.unit]),
  );
  return `${low} to ${high}`;
}

/** `%` where the metric is a percentage for people, else its unit, empty for points. */
export function unitOf(metric: Metric): string {
  if (metric.unit === "share" || metric.unit === "percent") return "%";
  return metric.unit === "points" || metric.unit === "count" ? "" : ` ${metric.unit}`;
}

/** Columns of text, each as wide as its widest cell; the first row is the header. */
export function textTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
