import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { exampleImage } from "../../src/cli/example-image.js";

test("the image of the help's examples is there", () => {
  expect(existsSync(exampleImage())).toBe(true);
});
