import { expect, test } from "vitest";
import { nltkTokens } from "../../src/objects/nltk-tokens.js";

// Each as NLTK's word_tokenize has it.
test.each([
  ["The woman's hand.", "the woman 's hand ."],
  ["A dog’s tail; the girls' cups", "a dog ’ s tail ; the girls ' cups"],
  ["It isn't a dog, they'll see.", "it is n't a dog , they 'll see ."],
  ["A sofa/couch and a semi-truck at 12:00.", "a sofa/couch and a semi-truck at 12:00 ."],
  ['A sign says "Stop". A bus comes.', "a sign says '' stop '' . a bus comes ."],
  ["Dogs (two)... cats--three: 'cups'!", "dogs ( two ) ... cats -- three : ' cups ' !"],
  ["A cat—no, a dog", "a cat — no , a dog"],
  ["", ""],
])("%j is %j", (text, tokens) => {
  // NLTK tells opening from closing quotes; nothing here asks which.
  expect(
    nltkTokens(text)
      .map((token) => (token === '"' ? "''" : token))
      .join(" "),
  ).toBe(tokens);
});

test("a long text without spaces is parted in no time", () => {
  const start = performance.now();
  expect(nltkTokens("'".repeat(200_000))).toHaveLength(100_000);
  expect(nltkTokens(`${"a".repeat(200_000)}.`)).toHaveLength(2);
  expect(performance.now() - start).toBeLessThan(5_000);
});
