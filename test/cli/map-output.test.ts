/** Maps of words in a terminal. */
import { expect, test } from "vitest";
import { mapsText } from "../../src/cli/map-output.js";
import type { Explanation, PatchMap, TokenEvidence } from "../../src/diagnose/index.js";

const map = (...values: number[]): PatchMap => ({ rows: 2, columns: 2, values, how: "occlusion" });
/** Tokens of "a hot dog, cat": "hot" and "dog" are words, the cat is of two tokens. */
const tokens = [
  { start: 0, end: 1 },
  { start: 1, end: 5, map: map(0, 0, 0, 0) },
  { start: 5, end: 9, map: map(4, 0, 1, 2) },
  { start: 9, end: 10 },
  { start: 10, end: 13, map: map(0, 1, 0, 0) },
  { start: 13, end: 14, map: map(0, 1, 0, -5) },
] as unknown as TokenEvidence[];

test("words stand beside each other, their tokens' maps added", () => {
  const explanation = { answer: "a hot dog, cat", tokens } as unknown as Explanation;
  expect(mapsText(explanation)).toBe(
    [
      "         dog        cat",
      "hot      4.00 nats  2.00 nats",
      "nowhere  top left   top right",
      "┌────┐   ┌────┐     ┌────┐",
      "│    │   │██  │     │  ██│",
      "│    │   │░░▒▒│     │    │",
      "└────┘   └────┘     └────┘",
    ].join("\n"),
  );
  expect(mapsText({ ...explanation, tokens: tokens.slice(0, 1) })).toBeUndefined();
});
