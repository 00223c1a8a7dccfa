import { expect, test } from "vitest";
import { checkNames } from "../../src/arguments/check-names.js";

test("names the closest option, all of them, or that there is none", () => {
  const check = (known: readonly string[]) => () => checkNames({ alhpa: 1 }, known, "no option");
  expect(check(["alpha", "beta"])).toThrow("no option 'alhpa'; did you mean alpha?");
  expect(check(["mode", "draws"])).toThrow("no option 'alhpa'; known are mode, draws");
  expect(check([])).toThrow("no option 'alhpa'; it has none");
  expect(check(["alhpa"])).not.toThrow();
});
