import { expect, test } from "vitest";
import { fuzz as fuzzAdapters } from "./adapters.js";
import { fuzz as fuzzChats } from "./chats.js";
import { fuzz as fuzzCheckpoints } from "./checkpoints.js";
import { fuzz as fuzzDataLines } from "./data-lines.js";
import { fuzz as fuzzDirections } from "./directions.js";
import { fuzz as fuzzGraphs } from "./graphs.js";
import { fuzz as fuzzImages } from "./images.js";
import { fuzz as fuzzPackedData } from "./packed-data.js";

// Here caches have no time to fill, the memory allocator keeps what was freed, and machines may be busy.
// `npm run fuzz` runs many more, by stricter bounds.
const BOUNDS = { growthMiB: 512, caseSeconds: 60 };

test.each([
  ["images", fuzzImages, 150],
  ["graphs", fuzzGraphs, 150],
  ["directions files", fuzzDirections, 1000],
  ["checkpoint folders", fuzzCheckpoints, 40],
  ["adapters", fuzzAdapters, 300],
  ["data files", fuzzDataLines, 300],
  ["requests to chat", fuzzChats, 300],
  ["packed data files", fuzzPackedData, 80],
] as const)("mutated %s are taken, or refused by type", async (_, fuzz, cases) => {
  const tally = await fuzz(cases, 1, BOUNDS);
  expect(tally.taken + tally.refused).toBe(cases);
  expect(tally.refused).toBeGreaterThan(cases / 10);
  expect(tally.taken).toBeGreaterThan(cases / 20);
});
