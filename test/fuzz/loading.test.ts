import { expect, test } from "vitest";
import { fuzz as fuzzCheckpoints } from "./checkpoints.js";
import { fuzz as fuzzDirections } from "./directions.js";
import { fuzz as fuzzGraphs } from "./graphs.js";

// `npm run fuzz` runs many more.
test.each([
  ["graphs", fuzzGraphs, 150],
  ["directions files", fuzzDirections, 1000],
  ["checkpoint folders", fuzzCheckpoints, 40],
] as const)("mutated %s are taken, or refused by type", async (_, fuzz, cases) => {
  const tally = await fuzz(cases, 1);
  expect(tally.taken + tally.refused).toBe(cases);
  expect(tally.refused).toBeGreaterThan(cases / 10);
});
