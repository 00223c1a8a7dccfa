import { expect, test } from "vitest";
import { parseMethodText } from "../../src/methods/method-text.js";

test("a number is a number, unless the setting is a text", () => {
  expect(parseMethodText("vcd:alpha=2").settings).toEqual({ alpha: 2 });
  expect(parseMethodText("described:description=2").settings).toEqual({ description: "2" });
});
