import { describe, expect, test } from "vitest";
import { DatasetError } from "../../../src/errors.js";
import {
  haloQuest,
  mathVista,
  questionAnswer,
} from "../../../src/eval/benchmarks/question-answer.js";
import { exactMatch } from "../../../src/eval/rules/exact-match.js";
import { vqaNormalForm } from "../../../src/eval/rules/vqa-normal-form.js";
import { scoreRows } from "./score-rows.js";

test.each([
  ["A red Car.", "red car"],
  ["the two-tone, 1,000 m", "twotone 1000 m"],
  ["two/three", "2 3"],
  ["3.5 m.", "3.5 m"],
  ["None!", "0"],
  ["Isn't it?\n\tYes", "isnt it yes"],
])("VQA's normal form of %j is %j", (text, form) => {
  expect(vqaNormalForm(text)).toBe(form);
});

const open = (...answers: string[]) => ({ answers, choices: [], precision: null });
const colours = { answers: ["B"], choices: ["red", "dark red", "blue"], precision: null };

describe("exact match", () => {
  test.each([
    // Choices: a letter, or the one choice that is named.
    ["B", colours, "B", true],
    ["(b)", colours, "B", true],
    ["B. dark red", colours, "B", true],
    ["It is dark red.", colours, "B", true],
    ["I take (A) for wrong, so the answer is (B).", colours, "B", true],
    ["The answer is A, red.", colours, "A", false],
    ["red or blue", colours, null, false],
    ["(A) or (C)", colours, null, false],
    ["C. Neither (A) nor (B)", colours, "C", false],
    ["green", colours, null, false],
    ["D", colours, null, false],
    ["A", { ...colours, answers: ["red"] }, "A", true],
    // Yes and no: the first word.
    ["Yes, it is.", open("yes"), "yes", true],
    ["No.", open("yes"), "no", false],
    ["Perhaps", open("yes"), null, false],
    // Numbers: the last.
    ["Of 12 there are three left", open("3"), "12", false],
    ["there are three left", open("3"), "3", true],
    ["2 + 2, so 4.0 m", open("4"), "4", true],
    ["$1,200", open("$1200"), "1200", true],
    ["from 10-20", open("20"), "20", true],
    ["-0.5", open("-.5"), "-0.5", true],
    ["1.24", { ...open("1.2"), precision: 1 }, "1.24", true],
    ["1.26", { ...open("1.2"), precision: 1 }, "1.26", false],
    ["so \\boxed{7}, not 8", open("7"), "7", true],
    ["none that I see", open("7"), "0", false],
    ["many", open("7"), null, false],
    // Words: the whole, behind "answer is" where it stands.
    ["The Eiffel tower.", open("eiffel tower"), "eiffel tower", true],
    ["Answer: a cat", open("dog", "cat"), "cat", true],
    ["It is a cat", open("cat"), "it is cat", false],
    ["", open("cat"), null, false],
    ["...", open("cat"), null, false],
  ])("%j", (answer, expected, read, right) => {
    expect(exactMatch(answer, expected)).toEqual({ read, right });
  });

  test("long answers cost no time", () => {
    const started = performance.now();
    for (const text of [
      "1,".repeat(1e5),
      "9".repeat(1e6),
      "answer ".repeat(1e5),
      "(A".repeat(1e5),
    ]) {
      exactMatch(text, open("7"));
      exactMatch(text, colours);
    }
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

const QUESTIONS = [
  { id: 1, image: "a.png", question: "How many?", answer: 3, tag: "recognition" },
  {
    id: 2,
    image: "a.png",
    question: "What colour?",
    answers: ["red", "crimson"],
    tag: "recognition",
  },
  {
    id: 3,
    image: "b.png",
    question: "Which?",
    answer: "B",
    choices: ["cat", "dog"],
    tag: "reasoning",
  },
  { id: 4, image: "c.png", question: "Why?", answer: "rain", tag: "reasoning" },
];

test("hand-worked: 2 of 4 are right, 1 of 2 of each tag; one is not read", () => {
  const answers = ["3 cups", "blue", "(B)", ""].map((text, i) => ({ id: i + 1, text }));
  const { metrics, unparsed, groups } = scoreRows(questionAnswer, QUESTIONS, answers);
  expect(metrics.accuracy).toEqual({ value: 1 / 2 });
  expect(unparsed).toBe(1);
  expect(
    groups.map(({ by, group, n, metrics: own }) => [by, group, n, own.accuracy?.value]),
  ).toEqual([
    ["tag", "recognition", 2, 1 / 2],
    ["tag", "reasoning", 2, 1 / 2],
  ]);
});

const load = (rows: readonly object[], benchmark = questionAnswer, truth?: readonly object[]) => {
  const file = (name: string, all: readonly object[]) => ({
    name,
    text: all.map((row) => JSON.stringify(row)).join("\n"),
  });
  return truth === undefined
    ? benchmark.load({ data: null, truth: file("q", rows) })
    : benchmark.load({ data: file("q", rows), truth: file("t", truth) });
};

describe("layouts", () => {
  test("choices are asked with letters, once", () => {
    expect(load(QUESTIONS)[2]).toMatchObject({ prompt: "Which?\nA. cat\nB. dog", truth: "B. dog" });
    const whole = { id: 1, query: "Which? (A) cat (B) dog", question: "Which?", answer: "dog" };
    expect(load([{ ...whole, choices: ["cat", "dog"] }])[0]).toMatchObject({
      prompt: "Which? (A) cat (B) dog",
      truth: "B. dog",
    });
  });

  test("MathVista: one object of rows by identifier; a number is rounded as the row says", () => {
    const row = (pid: string, answer: string) => ({
      pid,
      question: "How far?",
      image: `images/${pid}.jpg`,
      choices: null,
      precision: 1,
      answer,
    });
    const text = JSON.stringify({ 1: row("1", "1.2"), 2: row("2", "0.5") }, null, 4);
    const questions = mathVista.load({ data: null, truth: { name: "testmini.json", text } });
    expect(questions.map(({ id, image, tag }) => [id, image, tag])).toEqual([
      ["1", "images/1.jpg", "reasoning"],
      ["2", "images/2.jpg", "reasoning"],
    ]);
    expect(questions[0]!.score("1.16 m", { rule: "exact", verdict: null }).outcome).toBe("right");
  });

  test("MMMU: choices as Python prints them, no image in the row", () => {
    const options = `['it\\'s "A"', "it's B", 'C']`;
    const row = { id: "validation_1", question: "<image 1> Which?", options, answer: "B" };
    expect(load([row])[0]).toMatchObject({
      image: null,
      prompt: `Which?\nA. it's "A"\nB. it's B\nC. C`,
      truth: "B. it's B",
    });
  });

  test("VDGD: conversations with a dummy in the place of the answer, which --truth holds", () => {
    const row = {
      id: 7,
      image: "/data/images/1001.jpg",
      conversations: [
        { from: "human", value: "<image>\nHow many?" },
        { from: "gpt", value: "Dummy output" },
      ],
      topic: "Accounting",
    };
    expect(load([row], questionAnswer, [{ id: 7, answer: "2" }])[0]).toMatchObject({
      image: "1001.jpg",
      prompt: "How many?",
      group: "Accounting",
      truth: "2",
    });
    expect(() => load([row])).toThrow(
      new DatasetError(
        "q line 1: no answer; expected answer or answers in this row, or in the file of --truth",
      ),
    );
  });

  test("HaloQuest: answers split by semicolons, image by name or address, judged by its criteria", () => {
    const row = {
      column0: "0",
      url: "https://example.org/some/cat%20a.png?size=1",
      "hallucination type": "false premises",
      question: "What colour is the dog?",
      "groundtruth responses": "There is no dog; no dog is there;",
    };
    const [question] = load([row], haloQuest);
    expect(question).toMatchObject({
      id: "0",
      image: "cat%20a.png",
      group: "false premises",
      truth: "There is no dog; no dog is there",
    });
    const task = question!.judgeTask!("Brown.", "judge");
    expect(task.prompt).toContain("takes for granted");
    expect(["correct", "Incorrect.", "perhaps"].map((word) => task.accepts!(word))).toEqual([
      true,
      true,
      false,
    ]);
    const outcomes = ["Correct.", "incorrect", "perhaps", null].map(
      (verdict) => question!.score("Brown.", { rule: "judge", verdict }).outcome,
    );
    expect(outcomes).toEqual(["right", "wrong", "unparsed", "unparsed"]);
  });

  test.each([
    [{ question: "?", answer: "a" }, "no identifier; expected question_id, id or pid"],
    [{ id: 1, answer: "a" }, "no question; expected question, text, query or prompt"],
    [
      { id: 1, question: "?", answer: " " },
      "no answer; expected answer or answers in this row, or in the file of --truth",
    ],
    [{ id: 1, question: "?", answer: "a", tag: "luck" }, /^q line 1: field tag: received "luck"/],
    [
      { id: 1, question: "?", answer: { a: 1 } },
      /^q line 1: field answer: received {"a":1}; expected text, a number or a list/,
    ],
    [
      { id: 1, question: "?", answer: "a", precision: 400 },
      /^q line 1: field precision: received 400/,
    ],
  ])("%j is refused", (row, message) => {
    expect(() => load([row])).toThrow(
      typeof message === "string" ? new DatasetError(`q line 1: ${message}`) : message,
    );
  });
});
