import { expect, test } from "vitest";
import { InvalidArgumentError } from "../../src/errors.js";
import { nullu } from "../../src/methods/nullu.js";
import { vti } from "../../src/methods/vti.js";
import { fakeModel } from "../../src/testing/fake-model.js";
import { decodeDirections, encodeDirections } from "../../src/vti/directions-file.js";
import { fitSubspace, subspaceOf } from "../../src/vti/fit-subspace.js";

const rows = [
  [3, 0, 0, 0, 1, 0],
  [5, 0, 0, 0, 0, 2],
].map((row) => Float32Array.from(row));
const { subspace, explained } = subspaceOf(rows, { layers: 2, width: 3, rank: 2 });
const directions = { modelHash: "abc", subspace, facts: {} };

test("finds orthonormal vectors that hold the differences, most first; none where there are none", () => {
  const { data } = subspace;
  expect([...data].map((x) => Math.round(Math.abs(x) * 1e6) / 1e6)).toEqual([
    1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0,
  ]);
  expect(explained[0]).toBeCloseTo(1, 6);
  expect(explained[1]).toBeCloseTo(1, 6);
});

test("is kept in a directions file", () => {
  expect(decodeDirections(encodeDirections(directions))).toEqual(directions);
});

test("what a method lacks in a file is told, and what would be inactive refused", () => {
  const { subspace: _, ...none } = directions;
  expect(() => nullu({ directions: none })).toThrow("groundsight steer subspace");
  expect(() => nullu({ directions, k: 3 })).toThrow("k: received 3; expected at most 2");
  expect(() => vti({ directions })).toThrow("they hold none for the vision tower or the decoder");
});

test("wrong options are refused by name before anything is run", async () => {
  const model = fakeModel();
  const pair = { image: "a.png", prompt: "?", caption: "a dog", hallucinated: "a cat" };
  const fitOn = (pairs = [pair, pair], options = {}) => fitSubspace(model, pairs, options);
  await expect(fitOn([pair])).rejects.toThrow("demonstrations: received 1; expected at least 2");
  await expect(fitOn([pair, pair], { rank: 3 })).rejects.toThrow("rank: received 3; expected");
  await expect(fitOn([pair, pair], { pooling: "first" })).rejects.toThrow(/^pooling: received/);
  await expect(fitOn([pair, { ...pair, hallucinated: "a dog " }])).rejects.toThrow(
    "demonstration 1: received two equal captions",
  );
  await expect(fitOn([pair, pair], { seed: 1 })).rejects.toThrow(InvalidArgumentError);
});
