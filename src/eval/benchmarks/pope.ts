import { z } from "zod";
import type { Benchmark, Counts, DataFile, Metric, Question, Score } from "../benchmark.js";
import { count, harmonicMean, ratio } from "../counts.js";
import { parseRows } from "../data/parse-rows.js";
import { identifier, readShaped, refuseDuplicates, yesNoLabel } from "../data/read-shaped.js";
import { isUnclear, POPE_RULES, type YesNoRule } from "../rules/yes-no.js";

const popeRow = z.object({
  question_id: identifier,
  image: z.string().min(1),
  text: z.string().min(1),
  label: yesNoLabel,
  type: z.string().optional(),
});

const n = (c: Counts): number => count(c, "tp") + count(c, "fp") + count(c, "tn") + count(c, "fn");
const precision = (c: Counts) =>
  ratio(count(c, "tp"), count(c, "tp") + count(c, "fp"), "no answer said yes");
const recall = (c: Counts) =>
  ratio(count(c, "tp"), count(c, "positives"), "no question has the answer yes");

const metrics: readonly Metric[] = [
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
  {
    name: "false_yes_rate",
    title: "False yes",
    unit: "share",
    better: "lower",
    of: (c) => ratio(count(c, "fp"), count(c, "negatives"), "no question has the answer no"),
  },
];

/**
 * POPE: polling questions about the presence of objects, balanced between yes and no.
 *
 * @see Li et al. 2023, arXiv 2305.10355
 */
export const pope: Benchmark = {
  name: "pope",
  title: "POPE",
  source: "Li et al. 2023, arXiv 2305.10355; rules of RUCAIBox/POPE, DAMO-NLP-SG/VCD, shikiw/OPERA",
  rules: ["pope", "vcd", "opera", "first-word"],
  judgedRules: [],
  metrics,
  primaryMetric: "accuracy",
  maxNewTokens: 16,
  truthIsSuperset: false,
  load: ({ data, truth }) => loadPope(data ?? truth),
};

function loadPope(file: DataFile | null): Question[] {
  if (file === null) return [];
  const rows = readShaped(parseRows(file.text, file.name), popeRow);
  refuseDuplicates(rows, (row) => row.question_id);
  return rows.map(({ value, where }) => ({
    id: value.question_id,
    image: value.image,
    prompt: value.text,
    cluster: value.image,
    group: value.type ?? null,
    truth: value.label,
    where,
    judgeTask: null,
    score: (answer, { rule }) =>
      scoreYesNo(answer, value.label, POPE_RULES[rule as keyof typeof POPE_RULES]),
  }));
}

/** Confusion counts of one answer; what the rule could not read counts as asked and as nothing else. */
export function scoreYesNo(answer: string, label: "yes" | "no", rule: YesNoRule): Score {
  const read = rule(answer, label);
  const unclear = read === "unparsed" || isUnclear(answer);
  const right = read === label;
  const cell = read === "yes" ? (right ? "tp" : "fp") : right ? "tn" : "fn";
  return {
    outcome: unclear ? "unparsed" : right ? "right" : "wrong",
    extracted: read === "unparsed" ? null : read,
    explanation: unclear ? `neither yes nor no; the rule reads it as ${read}` : `read as ${read}`,
    counts: {
      asked: 1,
      [label === "yes" ? "positives" : "negatives"]: 1,
      ...(read === "unparsed" ? {} : { [cell]: 1 }),
      ...(unclear ? { unparsed: 1 } : {}),
      ...(right ? { correct: 1 } : {}),
    },
  };
}
