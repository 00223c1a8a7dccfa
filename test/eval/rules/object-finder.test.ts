import fc from "fast-check";
import { expect, test } from "vitest";
import { objectFinder } from "../../../src/eval/rules/object-finder.js";
import { nltkTokens, tokenOffsets } from "../../../src/objects/nltk-tokens.js";

test.each([
  [
    "chair",
    "The image shows two dogs, a bus and a potted plant.",
    ["dogs dog", "potted plant potted plant"],
  ],
  [
    "colour-aware",
    "Two dogs, a bus and a vase that is orange.",
    ["dogs dog", "bus bus", "vase vase"],
  ],
  ["chair", "A vase that is orange.", ["vase vase", "orange orange"]],
  ["colour-aware", "A CAT IS ORANGE, an Orange is not.", ["CAT cat", "Orange orange"]],
  [
    "chair-wordnet",
    "The woman's hand; a baby elephant",
    ["woman person", "baby elephant elephant"],
  ],
  ["chair", "İİ dogs “near” a cat.", ["dogs dog", "cat cat"]],
  ["chair", "", []],
] as const)("by rule %s, %j names its objects at their places", (rule, caption, expected) => {
  const found = objectFinder({ rule }).find(caption);
  expect(found.map((m) => `${caption.slice(m.start, m.end)} ${m.object}`)).toEqual(expected);
});

test("names besides CHAIR's count, and synonyms lead to their object", () => {
  const finder = objectFinder({ names: ["magic wand"] });
  const caption = "Two magic wands and a sofa.";
  expect(finder.find(caption).map((m) => [caption.slice(m.start, m.end), m.object])).toEqual([
    ["magic wands", "magic wand"],
    ["sofa", "couch"],
  ]);
  expect(["sofa", "magic wand"].map(finder.canonical)).toEqual(["couch", "magic wand"]);
});

test("offsets of tokens hold their token in any text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      const tokens = nltkTokens(text);
      const offsets = tokenOffsets(text, tokens);
      expect(offsets.map(([start, end]) => text.slice(start, end).toLowerCase())).toEqual(tokens);
    }),
  );
});
