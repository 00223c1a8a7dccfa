import { describe, expect, test } from "vitest";
import { DatasetError, InvalidArgumentError } from "../../../src/errors.js";
import { pope } from "../../../src/eval/benchmarks/pope.js";
import { readAnswers } from "../../../src/eval/data/read-answers.js";
import { scoreAnswers } from "../../../src/eval/scoring/score-answers.js";

const FIXTURE: readonly [label: string, answer: string][] = [
  ["yes", "Yes"],
  ["yes", "Yes, there is a snowboard. No other boards are visible."],
  ["yes", "The image does not show one"],
  ["no", "No"],
  ["no", "I cannot see a car."],
  ["no", "There isn't a car"],
  ["no", "Yes"],
  ["no", "NO."],
  ["no", "unknown"],
];

function scored(pairs: readonly (readonly [string, string])[], rule?: string) {
  const lines = (rows: object[]) => rows.map((row) => JSON.stringify(row)).join("\r\n");
  const questions = pairs.map(([label], i) => ({
    question_id: i + 1,
    image: `${i % 3}.jpg`,
    text: "Is there a car in the image?",
    label,
  }));
  const answers = pairs.map(([, text], i) => ({ question_id: i + 1, text }));
  return scoreAnswers(
    pope,
    pope.load({ data: { name: "q.jsonl", text: lines(questions) }, truth: null }),
    readAnswers({ name: "a.jsonl", text: lines(answers) }),
    rule === undefined ? {} : { rule },
  );
}

describe("the rules of three evaluators on one fixture", () => {
  test.each([
    ["pope", [2, 5, 1, 1], 0.3333, 0.4, 0.7778],
    ["vcd", [2, 2, 4, 1], 0.6667, 0.5714, 0.4444],
    ["opera", [1, 3, 3, 2], 0.4444, 0.2857, 0.4444],
  ])("%s: TP/FP/TN/FN %j, accuracy %d, F1 %d, yes %d", (rule, cells, accuracy, f1, yes) => {
    const { counts, metrics } = scored(FIXTURE, rule);
    expect(["tp", "fp", "tn", "fn"].map((cell) => counts[cell])).toEqual(cells);
    expect(metrics.accuracy?.value).toBeCloseTo(accuracy, 4);
    expect(metrics.f1?.value).toBeCloseTo(f1, 4);
    expect(metrics.yes_ratio?.value).toBeCloseTo(yes, 4);
  });

  test("the authors' rule is the default", () => {
    expect(scored(FIXTURE).rule).toBe("pope");
  });

  test("an answer with neither yes nor no is counted apart", () => {
    expect(scored(FIXTURE).unparsed).toBe(1);
  });

  test("first-word: the unread answers are neither yes nor no", () => {
    const { counts, unparsed, metrics } = scored(FIXTURE, "first-word");
    expect(counts).toMatchObject({ tp: 2, fp: 1, tn: 2, asked: 9 });
    expect(unparsed).toBe(4);
    expect(metrics.accuracy?.value).toBeCloseTo(4 / 9);
    expect(metrics.yes_ratio?.value).toBeCloseTo(3 / 5);
  });
});

describe("corner cases", () => {
  test("an empty answer is unparsed; POPE's rule reads it as yes", () => {
    const { unparsed, counts } = scored([["no", ""]]);
    expect(unparsed).toBe(1);
    expect(counts.fp).toBe(1);
  });

  test("all yes: recall 1, precision one half, yes ratio 1", () => {
    const { metrics } = scored([
      ["yes", "Yes."],
      ["no", "Yes."],
    ]);
    expect(metrics).toMatchObject({
      recall: { value: 1 },
      precision: { value: 0.5 },
      yes_ratio: { value: 1 },
    });
  });

  test("all no: precision and F1 are undefined, with the reason, and not 0", () => {
    const { metrics } = scored([
      ["yes", "No."],
      ["no", "No."],
    ]);
    expect(metrics.precision).toEqual({ value: null, reason: "no answer said yes" });
    expect(metrics.f1).toEqual({ value: null, reason: "no answer said yes" });
    expect(metrics.recall).toEqual({ value: 0 });
  });

  test("unknown rule", () => {
    expect(() => scored(FIXTURE, "mine")).toThrow(
      new InvalidArgumentError("rule: received mine; pope has pope, vcd, opera, first-word"),
    );
  });
});

describe("answer files", () => {
  const question = { question_id: 1, image: "a.jpg", text: "Is there a car?", label: "no" };
  const questions = pope.load({
    data: { name: "q.jsonl", text: JSON.stringify(question) },
    truth: null,
  });
  const score = (text: string) =>
    scoreAnswers(pope, questions, readAnswers({ name: "a.jsonl", text }));

  test("POPE's own format has no id: matched by order", () => {
    expect(score('{"question":"Is there a car?","answer":"no"}').counts.tn).toBe(1);
    expect(() => score('{"answer":"no"}\n{"answer":"no"}')).toThrow(/2 answers for 1 questions/);
  });

  test("answers to unknown questions and questions without answer are refused by name", () => {
    const known = '{"question_id":1,"text":"no"}';
    expect(() => score(`${known}\n{"question_id":7,"text":"no"}`)).toThrow(
      new DatasetError(
        "a.jsonl line 2: id 7 is not in the truth file\nleave such answers out with --partial",
      ),
    );
    expect(() => score('{"question_id":7,"text":"no"}')).toThrow(
      /none of 1 answers belongs to one of 1 questions: answers have the ids 7 \(first: a\.jsonl line 1\)/,
    );
    expect(() => scoreAnswers(pope, questions, [])).toThrow(/received 0 answers for 1 questions/);
  });
});
