import type { Benchmark } from "../contract/benchmark.js";
import { shownValue } from "../data/shown-value.js";
import { defineBenchmark } from "../define/define-benchmark.js";

const NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split(" ");

/** Counting questions: the first number of the answer counts, in digits or in words up to twelve. */
export const counting: Benchmark = {
  ...defineBenchmark({
    name: "counts",
    title: "Counts",
    source: "exact match of the first number named",
    row: { question_id: "identifier", image: "text", text: "text", answer: "identifier" },
    check: ({ answer }) =>
      numberIn(answer) === null ? `unknown label ${shownValue(answer)}; expected a number` : null,
    id: (row) => row.question_id,
    image: (row) => row.image,
    prompt: (row) => row.text,
    truth: (row) => row.answer,
    rules: {
      "first-number": {
        read: (answer, row) => {
          const said = numberIn(answer);
          const expected = numberIn(row.answer) ?? 0;
          if (said === null) return { extracted: null, explanation: "no number" };
          return {
            extracted: String(said),
            right: said === expected,
            explanation: `said ${said}, there are ${expected}`,
            counts: { error: Math.abs(said - expected) },
          };
        },
      },
    },
    metrics: {
      accuracy: { part: "correct", whole: "asked", undefinedReason: "no question" },
      mean_absolute_error: {
        unit: "count",
        better: "lower",
        part: "error",
        whole: "parsed",
        undefinedReason: "no answer holds a number",
      },
    },
    maxNewTokens: 16,
  }),
  abilityMetric: "accuracy",
};

function numberIn(text: string): number | null {
  for (const word of text.toLowerCase().match(/\d+|\p{L}+/gu) ?? []) {
    // Hundreds of digits would be infinite, and every mean with them.
    if (/^\d+$/.test(word)) return Math.min(Number(word), Number.MAX_SAFE_INTEGER);
    const value = NUMBERS.indexOf(word);
    if (value >= 0) return value;
  }
  return null;
}
