import type { Counts, Metric } from "../contract/benchmark.js";
import { count, harmonicMean, ratio } from "./ratio.js";
import { ratioMetric } from "./ratio-metric.js";

const n = (c: Counts): number => count(c, "tp") + count(c, "fp") + count(c, "tn") + count(c, "fn");
const precision = (c: Counts) =>
  ratio(count(c, "tp"), count(c, "tp") + count(c, "fp"), "no answer said yes");
const recall = (c: Counts) =>
  ratio(count(c, "tp"), count(c, "positives"), "no question has the answer yes");

/** POPE's metrics: of counts `asked`, `positives` and `negatives` (by the truth) and the cells of confusion. */
export const confusionMetrics: readonly Metric[] = [
  {
    name: "accuracy",
    title: "Accuracy",
    unit: "share",
    better: "higher",
    of: (c) => ratio(count(c, "tp") + count(c, "tn"), count(c, "asked"), "no question"),
  },
  { name: "precision", title: "Precision", unit: "share", better: "higher", of: precision },
  { name: "recall", title: "Recall", unit: "share", better: "higher", of: recall },
  {
    name: "f1",
    title: "F1",
    unit: "share",
    better: "higher",
    of: (c) => harmonicMean(precision(c), recall(c)),
  },
  {
    name: "yes_ratio",
    title: "Yes ratio",
    unit: "share",
    better: "neither",
    of: (c) => ratio(count(c, "tp") + count(c, "fp"), n(c), "no answer was read as yes or no"),
  },
  ratioMetric({
    name: "false_yes_rate",
    title: "False yes",
    unit: "share",
    better: "lower",
    part: "fp",
    whole: "negatives",
    undefinedReason: "no question has the answer no",
  }),
];
