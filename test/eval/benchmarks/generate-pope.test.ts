import { describe, expect, test } from "vitest";
import {
  generatePope,
  type PopeStrategy,
  questionAbout,
} from "../../../src/eval/benchmarks/generate-pope.js";
import { pope } from "../../../src/eval/benchmarks/pope.js";
import { readObjectAnnotations } from "../../../src/eval/data/read-object-annotations.js";

const file = (value: unknown) => ({ name: "objects.json", text: JSON.stringify(value) });

/** Forks lie with knives; dogs are everywhere. */
const OBJECTS = {
  "1.png": ["fork", "knife", "table"],
  "2.png": ["fork", "knife", "cup"],
  "3.png": ["dog", "person", "car"],
  "4.png": ["dog", "person", "ball"],
  "5.png": ["dog", "cup", "fork"],
  "6.png": ["dog"],
  "7.png": ["dog", "apple"],
};
const annotations = readObjectAnnotations(file(OBJECTS));
const generate = (strategy: PopeStrategy, seed = 1) =>
  generatePope(annotations, { strategy, seed });

describe.each(["random", "popular", "adversarial"] as const)("%s", (strategy) => {
  const rows = generate(strategy);

  test("3 present and 3 absent objects for each image that shows 3, in turn", () => {
    expect(rows).toHaveLength(5 * 6);
    expect(rows.map(({ label }) => label).join(" ")).toMatch(/^(yes no ?)+$/);
    for (const { image, text, label } of rows) {
      const names = OBJECTS[image as keyof typeof OBJECTS];
      expect(names.some((name) => questionAbout(name) === text)).toBe(label === "yes");
    }
  });

  test("no object is asked about twice for one image", () => {
    expect(new Set(rows.map(({ image, text }) => image + text)).size).toBe(rows.length);
  });

  test("the seed fixes the questions", () => {
    expect(generate(strategy)).toEqual(rows);
    expect(generate(strategy, 2)).not.toEqual(rows);
  });

  test("the result is a POPE file", () => {
    const text = rows.map((row) => JSON.stringify(row)).join("\n");
    expect(pope.load({ data: { name: "pope.jsonl", text }, truth: null })).toHaveLength(30);
  });
});

test("all strategies ask about the same present objects", () => {
  const present = (strategy: PopeStrategy) =>
    generate(strategy)
      .filter(({ label }) => label === "yes")
      .map(({ image, text }) => image + text);
  expect(present("popular")).toEqual(present("random"));
  expect(present("adversarial")).toEqual(present("random"));
});

test("popular: the most frequent absent objects of the set", () => {
  const absent = generate("popular").flatMap(({ image, text, label }) =>
    image === "1.png" && label === "no" ? [text] : [],
  );
  // dog 5, then cup and person 2 each, by name.
  expect(absent).toEqual(["dog", "cup", "person"].map(questionAbout));
});

test("adversarial: what most often occurs with the object just asked about", () => {
  const rows = generate("adversarial");
  const fork = rows.findIndex(
    ({ image, text }) => image === "1.png" && text === questionAbout("fork"),
  );
  const taken = rows
    .slice(0, fork)
    .filter(({ image }) => image === "1.png")
    .map((r) => r.text);
  const expected = ["cup", "dog"].map(questionAbout).find((text) => !taken.includes(text));
  expect(rows[fork + 1]?.text).toBe(expected);
});

test("a and an", () => {
  expect(questionAbout("apple")).toBe("Is there an apple in the image?");
  expect(questionAbout("dog")).toBe("Is there a dog in the image?");
});

test("a chosen number of images; too many is refused", () => {
  const some = generatePope(annotations, { strategy: "random", seed: 3, images: 2 });
  expect(new Set(some.map(({ image }) => image)).size).toBe(2);
  expect(() => generatePope(annotations, { strategy: "random", seed: 3, images: 6 })).toThrow(
    "images: received 6; 5 images show at least 3 objects",
  );
});

describe("annotation formats", () => {
  test("COCO instances", () => {
    const instances = {
      images: [{ id: 9, file_name: "COCO_9.jpg" }],
      annotations: [
        { image_id: 9, category_id: 1 },
        { image_id: 9, category_id: 1 },
        { image_id: 9, category_id: 3 },
      ],
      categories: [
        { id: 1, name: "person" },
        { id: 3, name: "car" },
      ],
    };
    expect([...readObjectAnnotations(file(instances))]).toEqual([
      ["COCO_9.jpg", ["person", "car"]],
    ]);
    instances.annotations.push({ image_id: 8, category_id: 1 });
    expect(() => readObjectAnnotations(file(instances))).toThrow(
      "objects.json: annotation 4 names the unknown image 8",
    );
  });

  test("scenes", () => {
    const scene = { "a.png": { objects: [{ name: "dog", colour: "brown" }, { name: "dog" }] } };
    expect([...readObjectAnnotations(file(scene))]).toEqual([["a.png", ["dog"]]]);
  });

  test("anything else is refused", () => {
    expect(() => readObjectAnnotations(file([1]))).toThrow(
      /objects\.json: expected COCO instances/,
    );
  });
});
