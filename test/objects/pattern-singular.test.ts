import { expect, test } from "vitest";
import { patternSingular } from "../../src/objects/pattern-singular.js";

// Each as pattern.en.singularize has it, mistakes included.
test.each([
  ["dogs", "dog"],
  ["buses", "bus"],
  ["bus", "bu"],
  ["ties", "ty"],
  ["glass", "glas"],
  ["glasses", "glass"],
  ["women", "woman"],
  ["people", "person"],
  ["knives", "knife"],
  ["scissors", "scissors"],
  ["benches", "bench"],
  ["puppies", "puppy"],
  ["collies", "collies"],
  ["mice", "mouse"],
  ["oxen", "ox"],
  ["broccoli", "broccoli"],
  ["canoes", "cano"],
  ["girls'", "girl's"],
  ["a", "a"],
])("%s is %s", (word, singular) => {
  expect(patternSingular(word)).toBe(singular);
});
