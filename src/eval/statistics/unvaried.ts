import type { Counts, Metric, MetricInfo } from "../contract/benchmark.js";
import type { Interval } from "./cluster-bootstrap.js";

/** Below this number of images resampling is rough: readers are told. */
const FEW_IMAGES = 20;

/**
 * An interval where no resample differs from another, because every cluster has the same value: all answers
 * right, none, or half of each image's. A bootstrap says nothing there, and an interval without width would
 * say that nothing is left to know. By Clopper and Pearson's bound, n clusters without exception allow for a
 * share q of clusters that are exceptions, and these may have any value the metric can have:
 *
 *     q = 1 - ((1 - level) / 2)^(1 / n);  value - q (value - lowest)  to  value + q (highest - value)
 *
 * For 0 of n and n of n that is Clopper and Pearson's own interval.
 *
 * @param value in the metric's unit
 * @param range lowest and highest value there can be
 * @param clusters number of clusters that the value is computed from, n
 * @see Clopper and Pearson 1934, Biometrika 26
 */
export function unvariedInterval(
  value: number,
  range: Interval,
  clusters: number,
  level = 0.95,
): Interval {
  const exceptions = clusters === 0 ? 1 : 1 - ((1 - level) / 2) ** (1 / clusters);
  return {
    low: value - exceptions * (value - range.low),
    high: value + exceptions * (range.high - value),
  };
}

/** True when an interval has no width to speak of. */
export function isUnvaried({ low, high }: Interval): boolean {
  return high - low <= 1e-9 * Math.max(1, Math.abs(low), Math.abs(high));
}

/** What a metric can be at least and at most; null where its unit does not say. */
export function rangeOf({ unit }: MetricInfo): Interval | null {
  if (unit === "share") return { low: 0, high: 1 };
  return unit === "percent" ? { low: 0, high: 100 } : null;
}

/** Number of clusters that a metric is defined on. */
export function clustersWith(metric: Metric, clusters: readonly Counts[]): number {
  return clusters.filter((counts) => metric.of(counts).value !== null).length;
}

/** What to tell readers of figures from few images; null when there are enough. */
export function fewImagesWarning(images: number): string | null {
  if (images >= FEW_IMAGES) return null;
  const text = images === 1 ? "1 image" : `${images} images`;
  return `only ${text}: below ${FEW_IMAGES}, intervals and p-values are rough; ask about more images`;
}
