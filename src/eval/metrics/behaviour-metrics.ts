import type { Benchmark, Counts, Metric } from "../contract/benchmark.js";
import { cutMetrics } from "./cut-metrics.js";
import { count, ratio } from "./ratio.js";
import { ratioMetric } from "./ratio-metric.js";

const NOT_READ = "no answer was read as yes or no";

const read = (c: Counts): number =>
  count(c, "tp") + count(c, "fp") + count(c, "tn") + count(c, "fn");

/** Of answers that were read as yes or no: how often yes is said, how often it is true, and the difference. */
const yesNoMetrics: readonly Metric[] = [
  {
    name: "yes_ratio",
    title: "Yes ratio",
    unit: "share",
    better: "neither",
    of: (c) => ratio(count(c, "tp") + count(c, "fp"), read(c), NOT_READ),
  },
  {
    name: "true_yes_ratio",
    title: "Yes by the truth",
    unit: "share",
    better: "neither",
    of: (c) => ratio(count(c, "tp") + count(c, "fn"), read(c), NOT_READ),
  },
  {
    name: "yes_bias",
    title: "Yes above the truth, points",
    unit: "points",
    better: "neither",
    of: (c) => ratio(count(c, "fp") - count(c, "fn"), read(c), NOT_READ, 100),
  },
];

/** Of longer answers: their length, and whether they go round in circles. */
const textMetrics: readonly Metric[] = [
  ratioMetric({
    name: "mean_words",
    title: "Words",
    unit: "words",
    better: "neither",
    part: "words",
    whole: "answers",
    undefinedReason: "there is no answer",
  }),
  ratioMetric({
    name: "repeating_answers",
    title: "Answers with a repeated 4-gram",
    unit: "share",
    better: "lower",
    part: "repeatingAnswers",
    whole: "answers",
    undefinedReason: "there is no answer",
  }),
  ratioMetric({
    name: "repeated_4grams",
    title: "Repeated 4-grams",
    unit: "share",
    better: "lower",
    part: "repeated4grams",
    whole: "4grams",
    undefinedReason: "no answer has four words",
  }),
];

/** Of all answers whose run kept how they ended. An answer that was cut may have become another. */
const hitLimit: Metric = {
  name: "hit_limit",
  title: "Hit the limit",
  unit: "share",
  better: "lower",
  of: (c) => {
    const unknown = count(c, "unknownFinish");
    if (unknown > 0) return { value: null, reason: "the run did not keep how answers ended" };
    return ratio(count(c, "hitLimit"), count(c, "finished"), "nobody knows how answers ended");
  },
};

/**
 * What is told of answers beside their benchmark's own metrics: figures that show whether a gain comes of a shift
 * to yes, of shorter captions or of less to say. They are computed from the counts of `behaviourCounts`.
 */
export function behaviourMetrics(benchmark: Benchmark): readonly Metric[] {
  if (benchmark.kind === "yes-no") return [...yesNoMetrics, hitLimit];
  return [...textMetrics, hitLimit, ...cutMetrics(benchmark)];
}

/** Those of them that a benchmark does not have under the same name, as POPE has its yes ratio. */
export function furtherMetrics(benchmark: Benchmark): Metric[] {
  const own = new Set(benchmark.metrics.map(({ name }) => name));
  return behaviourMetrics(benchmark).filter(({ name }) => !own.has(name));
}
