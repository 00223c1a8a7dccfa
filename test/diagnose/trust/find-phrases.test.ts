import { expect, test } from "vitest";
import { phraseFinder } from "../../../src/diagnose/trust/find-phrases.js";

const texts = (found: { text: string }[]) => found.map(({ text }) => text);

test("objects are found by CHAIR's rule, with canonical names and places", () => {
  const text = "Two puppies watch a man’s hot dog. 🐶 A TV!";
  const found = phraseFinder({})(text);
  expect(found.map(({ object }) => object)).toEqual(["dog", "person", "hot dog", "tv"]);
  for (const { start, end, text: own } of found) expect(text.slice(start, end)).toBe(own);
  expect(texts(found)).toEqual(["puppies", "man", "hot dog", "TV"]);
});

test("names of one's own count as objects", () => {
  expect(texts(phraseFinder({ names: ["unicorn"] })("A unicorn and a cat."))).toEqual([
    "unicorn",
    "cat",
  ]);
});

test("given phrases are found as whole words, the longest first, in any case and script", () => {
  const find = phraseFinder({ phrases: ["dog", "hot dog", "sits on", "собака", "c++ (book)"] });
  const text = "A Hot dog, dogs; a dog SITS ON it. Собака, собаками. C++ (book)?";
  const found = find(text);
  expect(texts(found)).toEqual(["Hot dog", "dog", "SITS ON", "Собака", "C++ (book)"]);
  for (const { start, end, text: own } of found) expect(text.slice(start, end)).toBe(own);
});

test("what is no phrase is refused", () => {
  expect(() => phraseFinder({ phrases: ["dog", " "] })).toThrow('received " "');
  expect(() => phraseFinder({ phrases: [7 as never] })).toThrow("received 7");
  expect(phraseFinder({ phrases: [] })("a dog")).toEqual([]);
});
