import { z } from "zod";
import type { Benchmark, BenchmarkFiles, Question, Score } from "../contract/benchmark.js";
import { readQuestions } from "../data/read-questions.js";
import { identifier } from "../data/read-shaped.js";
import { shownValue } from "../data/shown-value.js";
import { ratioMetric } from "../metrics/ratio-metric.js";

const row = z.object({
  question_id: identifier,
  image: z.string().min(1),
  text: z.string().min(1),
  answer: identifier,
});

const NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split(" ");

/** Counting questions: the first number of the answer counts, in digits or in words up to twelve. */
export const counting: Benchmark = {
  name: "counts",
  title: "Counts",
  source: "exact match of the first number named",
  rules: ["first-number"],
  metrics: [
    ratioMetric({
      name: "accuracy",
      title: "Accuracy",
      unit: "share",
      better: "higher",
      part: "correct",
      whole: "asked",
      undefinedReason: "no question",
    }),
    ratioMetric({
      name: "mean_absolute_error",
      title: "Mean absolute error",
      unit: "count",
      better: "lower",
      part: "error",
      whole: "parsed",
      undefinedReason: "no answer holds a number",
    }),
  ],
  primaryMetric: "accuracy",
  abilityMetric: "accuracy",
  maxNewTokens: 16,
  load,
};

function load(files: BenchmarkFiles): Question[] {
  const identify = (value: z.infer<typeof row>) => value.question_id;
  const check = ({ answer }: z.infer<typeof row>) =>
    numberIn(answer) === null ? `unknown label ${shownValue(answer)}; expected a number` : null;
  const rows = readQuestions(files, { benchmark: "counts", schema: row, identify, check });
  return rows.map(({ value, where }) => {
    const expected = numberIn(value.answer) ?? 0;
    return {
      id: value.question_id,
      image: value.image,
      prompt: value.text,
      cluster: value.image,
      group: null,
      truth: value.answer,
      where,
      score: (answer) => scoreNumber(answer, expected),
    };
  });
}

function numberIn(text: string): number | null {
  for (const word of text.toLowerCase().match(/\d+|\p{L}+/gu) ?? []) {
    // Hundreds of digits would be infinite, and every mean with them.
    if (/^\d+$/.test(word)) return Math.min(Number(word), Number.MAX_SAFE_INTEGER);
    const value = NUMBERS.indexOf(word);
    if (value >= 0) return value;
  }
  return null;
}

function scoreNumber(answer: string, expected: number): Score {
  const said = numberIn(answer);
  return {
    outcome: said === null ? "unparsed" : said === expected ? "right" : "wrong",
    extracted: said === null ? null : String(said),
    explanation: said === null ? "no number" : `said ${said}, there are ${expected}`,
    counts: {
      asked: 1,
      correct: said === expected ? 1 : 0,
      ...(said === null ? { unparsed: 1 } : { parsed: 1, error: Math.abs(said - expected) }),
    },
  };
}
