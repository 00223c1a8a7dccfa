import { expect, test } from "vitest";
import { nounLemma, verbLemma } from "../../../src/eval/rules/wordnet-lemmas.js";

// Each as NLTK's WordNetLemmatizer has it over WordNet 3.0.
test.each([
  ["umbrellas", "umbrella"],
  ["vases", "vas"],
  ["men", "men"],
  ["women", "woman"],
  ["children", "child"],
  ["knives", "knife"],
  ["benches", "bench"],
  ["puppies", "puppy"],
  ["glasses", "glass"],
  ["bus", "bus"],
  ["buses", "bus"],
  ["skis", "ski"],
  ["seated", "seated"],
  ["nothing", "nothing"],
])("the noun %s is %s", (word, lemma) => {
  const words = "umbrella vase man woman child knife bench puppy glass bus ski skis seat";
  expect(nounLemma(words.split(" "))(word)).toBe(lemma);
});

test.each([
  ["seated", "seat"],
  ["skiing", "ski"],
  ["batting", "bat"],
  ["stopped", "stop"],
  ["planed", "plan"],
  ["dining", "din"],
  ["bed", "bed"],
  ["running", "running"],
])("the verb %s is %s", (word, lemma) => {
  expect(verbLemma(word)).toBe(lemma);
});
