import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CHECKPOINTS } from "./checkpoints.js";

/** What all tiny checkpoints may take together: everyone who clones the repository fetches them. */
const MOST_BYTES = 8_000_000;

test("the tiny checkpoints stay tiny together", () => {
  const bytes = readdirSync(CHECKPOINTS, { recursive: true, encoding: "utf8" })
    .map((name) => statSync(join(CHECKPOINTS, name)))
    .filter((entry) => entry.isFile())
    .reduce((sum, { size }) => sum + size, 0);
  expect(bytes).toBeGreaterThan(0);
  expect(bytes).toBeLessThan(MOST_BYTES);
});
