import type { Benchmark } from "../../../src/eval/contract/benchmark.js";
import { readAnswers } from "../../../src/eval/data/read-answers.js";
import { type BenchmarkScore, scoreAnswers } from "../../../src/eval/scoring/score-answers.js";

/** Scores answers to questions, both given as rows. */
export function scoreRows(
  benchmark: Benchmark,
  questions: readonly object[],
  answers: readonly object[],
  rule?: string,
): BenchmarkScore {
  const data = { name: "questions.json", text: JSON.stringify(questions) };
  return scoreAnswers(
    benchmark,
    benchmark.load({ data, truth: null }),
    readAnswers({ name: "answers.json", text: JSON.stringify(answers) }),
    rule === undefined ? {} : { rule },
  );
}
