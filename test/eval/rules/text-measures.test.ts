import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { firstWords, wordCount } from "../../../src/eval/rules/first-words.js";
import { repeatedNgrams } from "../../../src/eval/rules/repeated-ngrams.js";

const words = fc.array(fc.constantFrom("a", "dog", "runs,", "here."), { maxLength: 30 });

describe("repeated 4-grams", () => {
  test.each([
    // a dog on a, dog on a dog, on a dog on, a dog on a: the fourth is the first.
    ["A dog on a dog on a", 4, 1],
    // One sentence three times: nine 4-grams, of which four are new.
    ["There is a cup. There is a cup. There is a cup.", 9, 5],
    ["Every word is new here", 2, 0],
    ["Too few words", 0, 0],
    ["", 0, 0],
    ["one one one one one", 2, 1],
  ])("%s", (text, ngrams, repeated) => {
    expect(repeatedNgrams(text, 4)).toEqual({ ngrams, repeated });
  });

  test("case and punctuation make no difference", () => {
    expect(repeatedNgrams("It is a cup; it IS, a: Cup!", 4)).toEqual({ ngrams: 5, repeated: 1 });
  });

  test("said again, a text of n-grams repeats each of them", () => {
    fc.assert(
      fc.property(words, (some) => {
        const once = repeatedNgrams(some.join(" "), 4);
        const twice = repeatedNgrams([...some, ...some].join(" "), 4);
        expect(once.repeated).toBeLessThanOrEqual(Math.max(0, once.ngrams - 1));
        expect(twice.repeated).toBeGreaterThanOrEqual(once.ngrams);
      }),
    );
  });
});

describe("the first words of a caption", () => {
  test("are counted as white space parts them", () => {
    expect(wordCount(" A dog,\nand  a cat. ")).toBe(5);
    expect(wordCount("")).toBe(0);
  });

  test("are a beginning of it, with as many words as asked or there are", () => {
    fc.assert(
      fc.property(words, fc.integer({ min: 1, max: 40 }), (some, length) => {
        const text = some.join(" ");
        const cut = firstWords(text, length);
        expect(text.startsWith(cut)).toBe(true);
        expect(wordCount(cut)).toBe(Math.min(length, some.length));
      }),
    );
  });
});
