import { describe, expect, test } from "vitest";
import { amber, amberDiscriminative, amberGenerative } from "../../../src/eval/benchmarks/amber.js";
import type { Benchmark } from "../../../src/eval/contract/benchmark.js";
import { readAnswers } from "../../../src/eval/data/read-answers.js";
import {
  equalWords,
  matchAmberCaption,
  similarWords,
} from "../../../src/eval/rules/amber-caption.js";
import { nounsOf } from "../../../src/eval/rules/amber-nouns.js";
import { scoreAnswers } from "../../../src/eval/scoring/score-answers.js";

// Item 1 of AMBER's annotations.json, Apache-2.0.
const TRUTH = ["sky", "forest", "grass", "person", "lake", "mountain", "road"];
const LIKELY = ["cloud", "sun", "bird", "dog", "flower"];
const CAPTION = { id: 1, type: "generative", truth: TRUTH, hallu: LIKELY };

function score(benchmark: Benchmark, annotations: object[], responses: object[], rule?: string) {
  const truth = { name: "annotations.json", text: JSON.stringify(annotations) };
  return scoreAnswers(
    benchmark,
    benchmark.load({ data: null, truth }),
    readAnswers({ name: "responses.json", text: JSON.stringify(responses) }),
    rule === undefined ? {} : { rule },
  );
}

describe("generative", () => {
  test("worked example: image 1, nouns sky, people, tree, dog", () => {
    const response = { id: 1, response: "The sky over people near a tree, and a dog." };
    const { metrics } = score(amberGenerative, [CAPTION], [response]);
    expect(metrics.chair?.value).toBeCloseTo(25, 10);
    expect(metrics.cover?.value).toBeCloseTo(42.9, 1);
    expect(metrics.hal?.value).toBeCloseTo(100, 10);
    expect(metrics.cog?.value).toBeCloseTo(20, 10);
  });

  test("the same with the authors' rounding", () => {
    const response = { id: 1, response: "The sky over people near a tree, and a dog." };
    const { metrics } = score(amberGenerative, [CAPTION], [response], "official");
    expect(metrics).toEqual({
      chair: { value: 25 },
      cover: { value: 42.9 },
      hal: { value: 100 },
      cog: { value: 20 },
    });
  });

  test("nouns, as lemmas", () => {
    expect(nounsOf("Two women walk their dogs on the beach.")).toEqual(["woman", "dog", "beach"]);
  });

  test("a safe word and a word outside AMBER's list are no hallucinations", () => {
    const found = matchAmberCaption(["light", "quark"], TRUTH, LIKELY, equalWords);
    expect(found).toEqual({ nouns: ["light"], hallucinated: [], covered: 0, cognitive: 0 });
  });

  test("word vectors excuse what is similar to a true word; exact matching does not", () => {
    const match = (same: typeof equalWords) => matchAmberCaption(["truck"], ["car"], [], same);
    expect(match(similarWords)).toMatchObject({ hallucinated: [], covered: 1 });
    expect(match(equalWords)).toMatchObject({ hallucinated: ["truck"], covered: 0 });
  });

  test("an object named twice is covered once, a hallucination named twice counts twice", () => {
    const found = matchAmberCaption(["lake", "lake", "dog", "dog"], TRUTH, LIKELY, equalWords);
    expect(found).toMatchObject({ covered: 1, cognitive: 1, hallucinated: ["dog", "dog"] });
  });

  test("an empty caption is unparsed, and CHAIR is undefined", () => {
    const { metrics, unparsed } = score(amberGenerative, [CAPTION], [{ id: 1, response: " " }]);
    expect(unparsed).toBe(1);
    expect(metrics.chair).toEqual({ value: null, reason: "no scored noun was named" });
    expect(metrics.cover).toEqual({ value: 0 });
  });
});

describe("discriminative", () => {
  const existence = Array.from({ length: 10 }, (_, i) => ({
    id: i + 1,
    type: "discriminative-hallucination",
    truth: "no",
  }));
  const eightNo = existence.map(({ id }) => ({ id, response: id <= 8 ? "No" : "Yes" }));

  test("worked example: existence, 8 of 10 answered No", () => {
    const { metrics } = score(amberDiscriminative, existence, eightNo);
    expect(metrics.existence_accuracy?.value).toBeCloseTo(80, 10);
    expect(metrics.existence_precision?.value).toBeCloseTo(100, 10);
    expect(metrics.existence_recall?.value).toBeCloseTo(80, 10);
    expect(metrics.existence_f1?.value).toBeCloseTo(88.9, 1);
    expect(metrics.attribute_accuracy).toEqual({ value: null, reason: "no attribute question" });
  });

  test("the authors' rounding gives F1 88.8", () => {
    const { metrics } = score(amberDiscriminative, existence, eightNo, "official");
    expect(metrics.existence_accuracy).toEqual({ value: 80 });
    expect(metrics.existence_f1).toEqual({ value: 88.8 });
  });

  test("exactly Yes or No: anything else is unparsed and wrong, unless the first word counts", () => {
    const answers = existence.map(({ id }) => ({ id, response: "No, there is none." }));
    const exact = score(amberDiscriminative, existence, answers);
    expect(exact.unparsed).toBe(10);
    expect(exact.metrics.accuracy).toEqual({ value: 0 });
    const firstWord = score(amberDiscriminative, existence, answers, "first-word");
    expect(firstWord.unparsed).toBe(0);
    expect(firstWord.metrics.accuracy).toEqual({ value: 100 });
  });

  test("types fall into existence, attribute and relation", () => {
    const annotations = [
      { id: 1, type: "discriminative-attribute-number", truth: "yes" },
      { id: 2, type: "relation", truth: "yes" },
      { id: 3, type: "discriminative-relation", truth: "no" },
    ];
    const answers = [1, 2, 3].map((id) => ({ id, response: "Yes" }));
    expect(score(amberDiscriminative, annotations, answers).metrics).toMatchObject({
      attribute_accuracy: { value: 100 },
      relation_accuracy: { value: 50 },
      existence_accuracy: { value: null },
    });
  });

  test("one JSONL file with questions and labels", () => {
    const row = {
      question_id: 1,
      image: "a.png",
      text: "Is it red?",
      label: "no",
      type: "attribute",
    };
    const data = { name: "attributes.jsonl", text: JSON.stringify(row) };
    const [question] = amberDiscriminative.load({ data, truth: null });
    expect(question).toMatchObject({ prompt: "Is it red?", group: "attribute", truth: "no" });
  });
});

test("the AMBER score: ((100 - CHAIR) + F1) / 2, undefined where a task is missing", () => {
  const annotations = [CAPTION, { id: 2, type: "discriminative-hallucination", truth: "no" }];
  const both = [
    { id: 1, response: "The sky, people and a tree, and a dog." },
    { id: 2, response: "No" },
  ];
  expect(score(amber, annotations, both).metrics.amber_score).toEqual({ value: 87.5 });
  const one = score(amber, [CAPTION], both.slice(0, 1));
  expect(one.metrics.amber_score?.value).toBeNull();
});
