import type { Counts, Metric, MetricValue } from "../contract/benchmark.js";
import { count, ratio } from "./ratio.js";

/**
 * The authors' evaluator adds 0.001 to every denominator and, in F1, 0.0001 (0.001 for existence) to the
 * sum, and rounds to one decimal before F1 is taken. The `official` rule repeats this; counts carry it as
 * the marker `officialRounding`, so that it holds for sums.
 *
 * @see https://github.com/junyangwang0410/AMBER inference.py and data/metrics.txt
 */
function share(c: Counts, numerator: string, denominator: string, reason: string): MetricValue {
  const total = count(c, denominator);
  const exact = ratio(count(c, numerator), total, reason, 100);
  if (!isOfficial(c) || exact.value === null) return exact;
  return { value: oneDecimal((100 * count(c, numerator)) / (total + 0.001)) };
}

function isOfficial(c: Counts): boolean {
  return count(c, "officialRounding") > 0;
}

function oneDecimal(value: number): number {
  return Math.round(value * 10) / 10;
}

function f1(c: Counts, prefix: string): MetricValue {
  const precision = share(c, `${prefix}saidNoRight`, `${prefix}saidNo`, "no answer was No");
  const recall = share(c, `${prefix}noRight`, `${prefix}noAsked`, "no question has the answer no");
  if (precision.value === null) return precision;
  if (recall.value === null) return recall;
  const [p, r] = [precision.value / 100, recall.value / 100];
  if (isOfficial(c)) {
    const added = prefix === "existence." ? 0.001 : 0.0001;
    return { value: oneDecimal((200 * p * r) / (p + r + added)) };
  }
  if (p + r === 0) return { value: null, reason: "precision and recall are both 0" };
  return { value: (200 * p * r) / (p + r) };
}

/** Share of captions with a hallucination. The authors take it as 100 less the share without one. */
function hal(c: Counts): MetricValue {
  const captions = count(c, "captions");
  const invented = count(c, "hallucinatedCaptions");
  if (!isOfficial(c)) return ratio(invented, captions, "there is no caption", 100);
  return { value: oneDecimal(100 - (100 * (captions - invented)) / (captions + 0.001)) };
}

/** CHAIR, Cover, Hal and Cog, in percent. */
export const amberGenerativeMetrics: readonly Metric[] = [
  {
    name: "chair",
    title: "CHAIR",
    unit: "percent",
    better: "lower",
    of: (c) => share(c, "hallucinated", "mentions", "no scored noun was named"),
  },
  {
    name: "cover",
    title: "Cover",
    unit: "percent",
    better: "higher",
    of: (c) => share(c, "covered", "present", "no object is annotated"),
  },
  {
    name: "hal",
    title: "Hal",
    unit: "percent",
    better: "lower",
    of: hal,
  },
  {
    name: "cog",
    title: "Cog",
    unit: "percent",
    better: "lower",
    of: (c) => share(c, "cognitive", "likely", "no likely hallucination is annotated"),
  },
];

/** Accuracy, precision, recall and F1 of yes/no questions; "no" (a hallucination) is the positive class. */
export const amberDiscriminativeMetrics: readonly Metric[] = [
  ...dimension("", ""),
  ...dimension("existence", "Existence "),
  ...dimension("attribute", "Attribute "),
  ...dimension("relation", "Relation "),
];

function dimension(name: string, title: string): Metric[] {
  const key = name === "" ? "" : `${name}.`;
  const prefix = name === "" ? "" : `${name}_`;
  const asked = name === "" ? "no question" : `no ${name} question`;
  const of = (numerator: string, denominator: string, reason: string) => (c: Counts) =>
    share(c, `${key}${numerator}`, `${key}${denominator}`, reason);
  const metric = (suffix: string, word: string, value: Metric["of"]): Metric => ({
    name: `${prefix}${suffix}`,
    title: `${title}${word}`,
    unit: "percent",
    better: "higher",
    of: value,
  });
  return [
    metric("accuracy", "Accuracy", of("correct", "asked", asked)),
    metric("precision", "Precision", of("saidNoRight", "saidNo", "no answer was No")),
    metric("recall", "Recall", of("noRight", "noAsked", "no question has the answer no")),
    metric("f1", "F1", (c) => f1(c, key)),
  ];
}

/** AMBER's one figure: ((100 - CHAIR) + F1) / 2; needs both tasks. */
export const amberScore: Metric = {
  name: "amber_score",
  title: "AMBER score",
  unit: "points",
  better: "higher",
  of: (c) => {
    const chair = amberGenerativeMetrics[0]?.of(c) ?? { value: null, reason: "no caption" };
    const f = f1(c, "");
    if (chair.value === null) return chair;
    if (f.value === null) return f;
    return { value: (100 - chair.value + f.value) / 2 };
  },
};
