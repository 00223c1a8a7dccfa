import { setImmediate as letOthersRun } from "node:timers/promises";
import type { Counts, Metric } from "../contract/benchmark.js";
import {
  type BootstrapOptions,
  clusterDraws,
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
  const draws = intervalDraws(clusters, metrics, options);
  for (;;) {
    const { done, value } = draws.next();
    if (done === true) return value;
  }
}

/** Milliseconds of drawing after which others may run. */
const TURN_MS = 50;

/** {@link metricIntervals} that let signals and others through while they are drawn. */
export async function metricIntervalsInTurns(
  clusters: readonly Counts[],
  metrics: readonly Metric[],
  options: BootstrapOptions = {},
): Promise<Intervals> {
  const draws = intervalDraws(clusters, metrics, options);
  let since = performance.now();
  for (;;) {
    const { done, value } = draws.next();
    if (done === true) return value;
    if (performance.now() - since < TURN_MS) continue;
    await letOthersRun();
    since = performance.now();
  }
}

/** Stops after each draw. */
function* intervalDraws(
  clusters: readonly Counts[],
  metrics: readonly Metric[],
  options: BootstrapOptions,
): Generator<undefined, Intervals> {
  const values = metrics.map((): number[] => []);
  for (const [totals] of clusterDraws([clusters], options)) {
    for (const [m, metric] of metrics.entries()) {
      const { value } = metric.of(totals ?? {});
      if (value !== null) values[m]?.push(value);
    }
    yield;
  }
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
