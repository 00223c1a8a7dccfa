import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { DatasetError } from "../../../src/errors.js";
import { chair, cocoImageId } from "../../../src/eval/benchmarks/chair.js";
import { readAnswers } from "../../../src/eval/data/read-answers.js";
import { scoreAnswers } from "../../../src/eval/scoring/score-answers.js";
import { captionObjects } from "../../../src/objects/caption-objects.js";

const shared = new URL("../../../../shared/data/", import.meta.url);
const truth = (objects: unknown) => ({ name: "objects.json", text: JSON.stringify(objects) });
const answers = (rows: object[]) => ({
  name: "captions.jsonl",
  text: rows.map((row) => JSON.stringify(row)).join("\n"),
});

describe("reading a caption", () => {
  const objects = (caption: string) => captionObjects()(caption).map(({ object }) => object);

  test.each([
    ["Two dogs and a puppy.", ["dog", "dog"]],
    ["A baby elephant stands by a passenger train.", ["elephant", "train"]],
    ["a man eats a hot dog", ["person", "hot dog"]],
    ["The toilet has its seat up.", ["toilet"]],
    ["He takes a seat.", ["chair"]],
    // The authors' singular form of "ties" is "ty", that of "bus" is "bu": neither is ever found.
    ["Ties, scissors, skis and sports balls", ["scissors", "skis", "sports ball"]],
    ["a bus", []],
    ["the woman's hand and a dog’s tail", ["person", "dog"]],
    ["wine glasses; fire hydrants", ["wine glass", "fire hydrant"]],
    ["A bow tie", ["tie"]],
    ["Nothing of note.", []],
    ["", []],
  ])("%j names %j", (caption, expected) => {
    expect(objects(caption)).toEqual(expected);
  });

  test("names of the truth file count too", () => {
    const find = captionObjects(["tomato", "magic wand"]);
    expect(find("Tomatoes and a magic wand").map((m) => m.object)).toEqual([
      "tomato",
      "magic wand",
    ]);
  });
});

test("hand-worked: 2 captions, 4 mentions, 1 hallucinated", () => {
  const questions = chair.load({
    data: null,
    truth: truth({ "1": ["dog", "apple"], "2": ["cat"] }),
  });
  const { metrics, n } = scoreAnswers(
    chair,
    questions,
    readAnswers(
      answers([
        { image_id: 1, caption: "A dog, another dog and a car." },
        { image_id: "2", caption: "A kitten." },
      ]),
    ),
  );
  expect(n).toBe(2);
  expect(metrics).toMatchObject({
    chair_i: { value: 25 },
    chair_s: { value: 50 },
    recall: { value: (100 * 2) / 3 },
    // Distinct: dog and car, of which the dog is there, and the cat.
    precision: { value: (100 * 2) / 3 },
    f1: { value: expect.closeTo((100 * 2) / 3, 10) },
    mean_words: { value: 4.5 },
  });
});

test("captions without objects leave CHAIR_i undefined, with the reason", () => {
  const questions = chair.load({ data: null, truth: truth({ "1": ["dog"] }) });
  const result = scoreAnswers(
    chair,
    questions,
    readAnswers(answers([{ image_id: 1, caption: "" }])),
  );
  expect(result.metrics.chair_i).toEqual({ value: null, reason: "no object was named" });
  expect(result.unparsed).toBe(1);
});

test("the colour orange is a fruit by the authors' rule, and none by colour-aware", () => {
  const questions = chair.load({ data: null, truth: truth({ "1": ["cat"] }) });
  const rows = readAnswers(answers([{ image_id: 1, caption: "A cat that is orange." }]));
  const hallucinated = (rule: string) =>
    scoreAnswers(chair, questions, rows, { rule }).counts.hallucinated;
  expect(hallucinated("chair")).toBe(1);
  expect(hallucinated("colour-aware")).toBe(0);
});

test("COCO file names lead to image numbers", () => {
  expect(cocoImageId("COCO_val2014_000000310196.jpg")).toBe("310196");
  expect(cocoImageId("test_000001.png")).toBe("test_000001.png");
});

test("a prompt about an image without truth names line and image", () => {
  const data = answers([{ question_id: 1, image: "b.png", text: "Describe the image." }]);
  expect(() => chair.load({ data, truth: truth({ "a.png": [] }) })).toThrow(
    new DatasetError("captions.jsonl line 1: image b.png is not in objects.json"),
  );
});

/**
 * Table 1 of the POPE paper (arXiv 2305.10355). The captions of the two instructions are swapped between
 * the table and the published files.
 */
describe.skipIf(!existsSync(shared))("published LLaVA captions (needs ../shared/data)", () => {
  const read = (path: string) => readFileSync(new URL(path, shared), "utf8");

  test.each([
    ["Instruction1_llava", 18.8, 62.7],
    ["Instruction2_llava", 10.5, 32.7],
  ])("%s: CHAIR_i %d, CHAIR_s %d within 0.4", (file, chairI, chairS) => {
    const truthFile = { name: "objects", text: read("coco/objects_by_image.json") };
    const questions = chair.load({ data: null, truth: truthFile });
    const captions = { name: file, text: read(`pope/captions/${file}.jsonl`) };
    const { metrics, n } = scoreAnswers(chair, questions, readAnswers(captions));
    expect(n).toBe(2000);
    expect(Math.abs((metrics.chair_i?.value ?? 0) - chairI)).toBeLessThan(0.4);
    expect(Math.abs((metrics.chair_s?.value ?? 0) - chairS)).toBeLessThan(0.4);
  });
});
