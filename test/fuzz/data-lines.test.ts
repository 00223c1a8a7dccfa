import { expect, test } from "vitest";
import { fuzz } from "./data-lines.js";

// `npm run fuzz` runs many more.
test("300 mutated data files are scored, or refused by type", () => {
  const { cases, scored, refused } = fuzz(300, 1);
  expect(scored + refused).toBe(cases);
  expect(scored).toBeGreaterThan(50);
  expect(refused).toBeGreaterThan(50);
});
