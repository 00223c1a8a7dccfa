import type { Metric, MetricInfo } from "../contract/benchmark.js";
import { count, ratio } from "./ratio.js";

/** What {@link ratioMetric} divides. */
export interface RatioMetricOptions extends MetricInfo {
  /** Name of the count above the line. */
  readonly part: string;
  /** Name of the count below it. */
  readonly whole: string;
  /** Why the metric is undefined when `whole` is 0, for example `no question`. */
  readonly undefinedReason: string;
}

/** A metric that is one count divided by another, times 100 where the unit is percent. */
export function ratioMetric({ part, whole, undefinedReason, ...info }: RatioMetricOptions): Metric {
  const scale = info.unit === "percent" ? 100 : 1;
  return { ...info, of: (c) => ratio(count(c, part), count(c, whole), undefinedReason, scale) };
}

/** The share of what was asked that is right. @param undefinedReason of no questions */
export function accuracyMetric(undefinedReason: string): Metric {
  return ratioMetric({
    name: "accuracy",
    title: "Accuracy",
    unit: "share",
    better: "higher",
    part: "correct",
    whole: "asked",
    undefinedReason,
  });
}
