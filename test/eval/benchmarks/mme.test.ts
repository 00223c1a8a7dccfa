import { describe, expect, test } from "vitest";
import { mme } from "../../../src/eval/benchmarks/mme.js";
import { readAnswers } from "../../../src/eval/data/read-answers.js";
import { scoreAnswers } from "../../../src/eval/scoring/score-answers.js";

/** Lines as the published result files have them: image, question, truth, answer. */
function score(category: string, lines: readonly string[]) {
  const text = lines.join("\n");
  const data = { name: `results/${category}.txt`, text };
  return scoreAnswers(mme, mme.load({ data, truth: null }), readAnswers(data));
}

const answers = (a: string, b: string, c: string, d: string) => [
  `1.jpg\tIs there a dog?\tYes\t${a}`,
  `1.jpg\tIs there a cat?\tNo\t${b}`,
  `2.jpg\tIs there a dog?\tYes\t${c}`,
  `2.jpg\tIs there a cat?\tNo\t${d}`,
];

test("worked example: 2 images with 3 of 4 right score 125", () => {
  const { metrics } = score("existence", answers("Yes", "No", "Yes", "Yes"));
  expect(metrics.accuracy).toEqual({ value: 75 });
  expect(metrics.accuracy_plus).toEqual({ value: 50 });
  expect(metrics.score).toEqual({ value: 125 });
  expect(metrics.existence_score).toEqual({ value: 125 });
  expect(metrics.hallucination_score).toEqual({ value: 125 });
  expect(metrics.color_score).toEqual({ value: null, reason: "no color question" });
});

describe("reading an answer: its first four characters", () => {
  test.each([
    ["yes, there is", true],
    ["YES.", true],
    [" Yes", true],
    ["Well, yes", false],
    ["", false],
    ["No yes", false],
  ])("%j is right for yes: %s", (answer, right) => {
    const { counts } = score("count", answers(answer, "No", "Yes", "No"));
    expect(counts.correct).toBe(right ? 4 : 3);
  });

  test("what is neither counts as wrong and is shown apart", () => {
    const { counts, unparsed } = score("count", answers("Perhaps", "No", "Yes", "No"));
    expect(unparsed).toBe(1);
    expect(counts.imagesCorrect).toBe(1);
  });
});

test("several categories in one JSONL: the score is the sum over categories", () => {
  const rows = ["existence", "position"].flatMap((category) =>
    ["yes", "no"].map((label) => ({
      question_id: `${category} ${label}`,
      image: "a.png",
      text: "?",
      label,
      category,
    })),
  );
  const data = { name: "mme.jsonl", text: rows.map((row) => JSON.stringify(row)).join("\n") };
  const replies = rows.map(({ question_id }) => ({ question_id, text: "Yes" }));
  const { metrics } = scoreAnswers(
    mme,
    mme.load({ data, truth: null }),
    readAnswers({ name: "a", text: JSON.stringify(replies) }),
  );
  expect(metrics).toMatchObject({ score: { value: 100 }, accuracy: { value: 50 } });
});

test("an image without its pair, and a truth that is neither, name the line", () => {
  expect(() => score("count", answers("Yes", "No", "Yes", "No").slice(0, 3))).toThrow(
    "results/count.txt line 3: image 2.jpg has 1 questions; expected 2",
  );
  expect(() => score("count", ["1.jpg\tIs it?\tMaybe\tYes"])).toThrow(
    /count\.txt line 1: received truth "Maybe"/,
  );
});
