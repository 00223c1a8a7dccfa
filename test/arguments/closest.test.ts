import fc from "fast-check";
import { expect, test } from "vitest";
import { closest } from "../../src/arguments/closest.js";

const METHODS = ["regular", "apc", "vcd", "vdgd", "described", "averaging", "vti"];

test.each([
  ["vcd", "vcd"],
  ["vdc", "vcd"],
  ["VCD", "vcd"],
  ["vdg", "vdgd"],
  ["averagin", "averaging"],
  ["desribed", "described"],
  ["regualr", "regular"],
])("%s is meant for %s", (word, expected) => {
  expect(closest(word, METHODS)).toBe(expected);
});

test.each(["beam search", "xyzw", "constructor"])("%s is meant for none of them", (word) => {
  expect(closest(word, METHODS)).toBeUndefined();
});

test("none of no candidates", () => {
  expect(closest("vcd", [])).toBeUndefined();
});

test("a swap of neighbours counts as one slip, so the word with swapped letters wins", () => {
  expect(closest("ba", ["xy", "ab"])).toBe("ab");
});

test("a word with one letter left out, doubled or swapped is still found", () => {
  const slip = fc.tuple(fc.constantFrom(...METHODS), fc.nat(20), fc.constantFrom("-", "+", "~"));
  fc.assert(
    fc.property(slip, ([word, place, kind]) => {
      const at = place % (word.length - 1);
      const letters = [...word];
      if (kind === "-") letters.splice(at, 1);
      else if (kind === "+") letters.splice(at, 0, letters[at]!);
      else letters.splice(at, 2, letters[at + 1]!, letters[at]!);
      expect(closest(letters.join(""), [word, "something", "else"])).toBe(word);
    }),
  );
});
