import { readFileSync } from "node:fs";
import {
  judgedPhrases,
  phraseTask,
  readScenes,
  type Scene,
  scenePhrases,
} from "groundsight/diagnose";
import { objectFinder } from "groundsight/eval";
import { expect, test } from "vitest";

const finder = objectFinder({ rule: "colour-aware" });
const scene: Scene = {
  objects: [
    { name: "cup", colour: "blue", x: 10, y: 10 },
    { name: "dog", colour: null, x: 50, y: 50 },
    { name: "bus", colour: "grey", x: 90, y: 10 },
    { name: "bus", colour: "red", x: 90, y: 90 },
    { name: "person", x: 20, y: 80 },
    { name: "horse", x: 21, y: 85 },
  ],
  relations: [["person", "riding", "horse"]],
};
const told = (answer: string) =>
  scenePhrases(answer, scene, finder).map(({ kind, text, isTrue }) => [kind, text, isTrue]);

test.each([
  [
    "A cup and a cat.",
    [
      ["object", "cup", true],
      ["object", "cat", false],
    ],
  ],
  // Colours of things that are there alone; several of a kind may have any of theirs.
  [
    "A cup that is red.",
    [
      ["object", "cup", true],
      ["attribute", "red", false],
    ],
  ],
  [
    "a blue cup",
    [
      ["attribute", "blue", true],
      ["object", "cup", true],
    ],
  ],
  [
    "two buses that are gray",
    [
      ["object", "buses", true],
      ["attribute", "gray", true],
    ],
  ],
  ["A red cat.", [["object", "cat", false]]],
  [
    "A brown dog.",
    [
      ["attribute", "brown", null],
      ["object", "dog", true],
    ],
  ],
  // Relations by places, where both things are there once.
  [
    "A cup to the left of a dog.",
    [
      ["object", "cup", true],
      ["relation", "to the left of a dog", true],
      ["object", "dog", true],
    ],
  ],
  [
    "The cup is below the dog.",
    [
      ["object", "cup", true],
      ["relation", "below the dog", false],
      ["object", "dog", true],
    ],
  ],
  [
    "A cup above a bus",
    [
      ["object", "cup", true],
      ["relation", "above a bus", null],
      ["object", "bus", true],
    ],
  ],
  [
    "A cup near a dog",
    [
      ["object", "cup", true],
      ["relation", "near a dog", null],
      ["object", "dog", true],
    ],
  ],
  [
    "A cup above a cat",
    [
      ["object", "cup", true],
      ["object", "cat", false],
    ],
  ],
  [
    "A cup, on the left a dog",
    [
      ["object", "cup", true],
      ["object", "dog", true],
    ],
  ],
  // Actions by the scene's list.
  [
    "A man riding a horse",
    [
      ["object", "man", true],
      ["relation-action", "riding a horse", true],
      ["object", "horse", true],
    ],
  ],
  [
    "A man leading a horse",
    [
      ["object", "man", true],
      ["relation-action", "leading a horse", false],
      ["object", "horse", true],
    ],
  ],
  [
    "A man petting a dog",
    [
      ["object", "man", true],
      ["relation-action", "petting a dog", null],
      ["object", "dog", true],
    ],
  ],
  ["", []],
])("%j says %j", (answer, expected) => {
  expect(told(answer)).toEqual(expected);
});

test("relations are judged as the labels of the pocket bench", () => {
  const bench = new URL("../../../pocket/bench/dev/", import.meta.url);
  const text = (name: string) => readFileSync(new URL(name, bench), "utf8");
  const scenes = readScenes({ name: "scenes.json", text: text("scenes.json") });
  const rows = text("relations.jsonl").trim().split("\n");
  let checked = 0;
  for (const line of rows) {
    const { image, text: question, label } = JSON.parse(line) as Record<string, string>;
    // "Is the dog above the cup?" says that the dog is above the cup.
    const said = question!.replace(/^Is /, "").replace("?", ".");
    const relation = scenePhrases(said, scenes.get(image!)!, finder).find(
      ({ kind }) => kind === "relation",
    );
    if (relation === undefined || relation.isTrue === null) continue;
    checked++;
    expect([image, said, relation.isTrue]).toEqual([image, said, label === "yes"]);
  }
  expect([rows.length, checked]).toEqual([232, 173]);
});

test("scenes are read in their own form and in those of objects alone", () => {
  const read = (value: unknown) => readScenes({ name: "t.json", text: JSON.stringify(value) });
  expect(read({ a: scene }).get("a")).toEqual(scene);
  expect(read({ a: ["cup"] }).get("a")).toEqual({ objects: [{ name: "cup" }] });
  expect(() => read([1])).toThrow("t.json: expected COCO instances");
});

test("a judge's phrases are placed, and replies that are none are no verdict", () => {
  const { prompt, schema } = phraseTask("What is there?", "A cup on a cat.", "a cup");
  for (const part of ["What is there?", "A cup on a cat.", "An image shows: a cup"]) {
    expect(prompt).toContain(part);
  }
  expect(schema).toMatchObject({ required: ["phrases"] });
  const reply = JSON.stringify({
    phrases: [
      { text: "on a cat", kind: "relation" },
      { text: "dog", kind: "object" },
    ],
  });
  expect(judgedPhrases("A cup on a cat.", reply)).toMatchObject({
    phrases: [{ text: "on a cat", start: 6, end: 14, kind: "relation", isTrue: false }],
    lost: ["dog"],
  });
  expect([null, "nonsense", '{"phrases": 1}'].map((one) => judgedPhrases("A.", one))).toEqual([
    null,
    null,
    null,
  ]);
});
