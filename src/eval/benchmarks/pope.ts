import { z } from "zod";
import type { Benchmark, BenchmarkFiles, Question, Score } from "../contract/benchmark.js";
import { readQuestions } from "../data/read-questions.js";
import { identifier, yesNoLabel } from "../data/read-shaped.js";
import { confusionMetrics } from "../metrics/confusion-metrics.js";
import { cellOf, isUnclear, POPE_RULES, type YesNoRule } from "../rules/yes-no.js";

const popeRow = z.object({
  question_id: identifier,
  image: z.string().min(1),
  text: z.string().min(1),
  label: yesNoLabel,
  type: z.string().optional(),
});

/**
 * POPE: polling questions about the presence of objects, balanced between yes and no.
 *
 * @see Li et al. 2023, arXiv 2305.10355
 */
export const pope: Benchmark = {
  name: "pope",
  title: "POPE",
  kind: "yes-no",
  source: "Li et al. 2023, arXiv 2305.10355; rules of RUCAIBox/POPE, DAMO-NLP-SG/VCD, shikiw/OPERA",
  rules: ["pope", "vcd", "opera", "first-word"],
  metrics: confusionMetrics,
  primaryMetric: "accuracy",
  maxNewTokens: 16,
  load,
};

function load(files: BenchmarkFiles): Question[] {
  const identify = (row: z.infer<typeof popeRow>) => row.question_id;
  const rows = readQuestions(files, { benchmark: "pope", schema: popeRow, identify });
  return rows.map(({ value, where }) => ({
    id: value.question_id,
    image: value.image,
    prompt: value.text,
    cluster: value.image,
    group: value.type ?? null,
    truth: value.label,
    where,
    score: (answer, { rule }) =>
      scoreYesNo(answer, value.label, POPE_RULES[rule as keyof typeof POPE_RULES]),
  }));
}

/**
 * Confusion counts of one answer. What the rule could not read is in no cell of the table: it counts as
 * asked, as a question with its label (recall's and the false yes rate's denominators) and as unparsed.
 */
export function scoreYesNo(answer: string, label: "yes" | "no", rule: YesNoRule): Score {
  const read = rule(answer, label);
  const unclear = read === "unparsed" || isUnclear(answer);
  const right = read === label;
  return {
    outcome: unclear ? "unparsed" : right ? "right" : "wrong",
    extracted: read === "unparsed" ? null : read,
    explanation: unclear ? `neither yes nor no; the rule reads it as ${read}` : `read as ${read}`,
    counts: {
      asked: 1,
      [label === "yes" ? "positives" : "negatives"]: 1,
      ...(read === "unparsed" ? {} : { [cellOf(read, label)]: 1 }),
      ...(unclear ? { unparsed: 1 } : {}),
      ...(right ? { correct: 1 } : {}),
    },
  };
}
