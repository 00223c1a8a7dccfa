import fc from "fast-check";
import { expect, test } from "vitest";
import { ShapeError } from "../../src/errors.js";
import { fromPatches, toPatches } from "../../src/families/patches.js";

const small = fc.integer({ min: 1, max: 3 });
const cut = fc.record({
  patchSize: small,
  mergeSize: small,
  frames: small,
  down: small,
  across: small,
  channels: small,
});

test("an image is put together again from its patches, and every frame of a patch is the same", () => {
  fc.assert(
    fc.property(cut, ({ down, across, channels, ...geometry }) => {
      const side = geometry.patchSize * geometry.mergeSize;
      const dims = [1, channels, down * side, across * side];
      const size = channels * down * across * side * side;
      const image = { data: Float32Array.from({ length: size }, (_, i) => i), dims };
      const patches = toPatches(image, geometry);
      const grid = { rows: down * geometry.mergeSize, columns: across * geometry.mergeSize };
      expect(patches.dims[0]).toBe(grid.rows * grid.columns);
      expect(fromPatches(patches, grid, geometry)).toEqual(image);
      expect([...patches.data].sort((a, b) => a - b)).toEqual(
        Array.from({ length: size * geometry.frames }, (_, i) => Math.floor(i / geometry.frames)),
      );
    }),
  );
});

test("patches of a square stand together, row by row", () => {
  const image = { data: Float32Array.from({ length: 32 }, (_, i) => i), dims: [1, 1, 4, 8] };
  const { data, dims } = toPatches(image, { patchSize: 2, mergeSize: 2, frames: 1 });
  expect(dims).toEqual([8, 4]);
  const corners = [...data].filter((_, i) => i % 4 === 0);
  expect(corners).toEqual([0, 2, 16, 18, 4, 6, 20, 22]);
});

const geometry = { patchSize: 2, mergeSize: 2, frames: 1 };

test.each([[[1, 3, 4, 6]], [[2, 3, 4, 4]], [[3, 4, 4]]])(
  "pixels of shape %j are refused",
  (dims) => {
    const data = new Float32Array(dims.reduce((size, dim) => size * dim, 1));
    expect(() => toPatches({ data, dims }, geometry)).toThrow(ShapeError);
    expect(() => toPatches({ data, dims }, geometry)).toThrow("in whole squares of 4");
  },
);

test.each([
  { dims: [7, 12], grid: { rows: 2, columns: 4 } },
  { dims: [8, 10], grid: { rows: 2, columns: 4 } },
  { dims: [3, 12], grid: { rows: 1, columns: 3 } },
])("patches $dims of a grid $grid are refused", ({ dims, grid }) => {
  const data = new Float32Array(dims[0]! * dims[1]!);
  expect(() => fromPatches({ data, dims }, grid, geometry)).toThrow(ShapeError);
});
