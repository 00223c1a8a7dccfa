import fc from "fast-check";
import { expect, test } from "vitest";
import { ShapeError } from "../../src/errors.js";
import { argMax } from "../../src/math/arg-max.js";
import { scan } from "../../src/math/scan.js";

const { NaN: NAN, NEGATIVE_INFINITY: NONE, POSITIVE_INFINITY: ALL } = Number;

test.each([
  [[3, 7, 7, 1], 1],
  [[-4, -2, -3], 1],
  [[NAN, 1, NAN, 2], 3],
  [[5, NAN], 0],
  [[NONE, NONE], 0],
  [[NONE, -1e30], 1],
])("the first of the largest of %j is at %d", (values, expected) => {
  expect(argMax(values)).toBe(expected);
});

test("an empty array is refused", () => {
  expect(() => argMax([])).toThrow(ShapeError);
});

test.each([
  [[1, 4, 4, 2], { best: 1, max: 4, bad: -1 }],
  [[], { best: -1, max: NONE, bad: -1 }],
  [[NONE, NONE], { best: -1, max: NONE, bad: -1 }],
  [[NONE, -3, NONE], { best: 1, max: -3, bad: -1 }],
  [[2, NAN, 3], { best: 2, max: 3, bad: 1 }],
  [[NAN, 3], { best: 1, max: 3, bad: 0 }],
  [[NONE, NAN], { best: -1, max: NONE, bad: 1 }],
  [[1, NAN, 2, NAN], { best: 2, max: 2, bad: 1 }],
  [[1, ALL, 2], { best: 1, max: ALL, bad: 1 }],
])("a scan of %j finds %j", (values, expected) => {
  expect(scan(Float32Array.from(values))).toEqual(expected);
});

test("a scan finds the arg-max, and some value that is no number if and only if there is one", () => {
  const value = fc.oneof(
    { weight: 8, arbitrary: fc.float({ noDefaultInfinity: true, noNaN: true }) },
    fc.constantFrom(NAN, ALL, NONE),
  );
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 30 }), (list) => {
      const values = Float32Array.from(list);
      const { best, max, bad } = scan(values);
      const numbers = [...values].filter((x) => x > NONE);
      // Zero and minus zero are equal.
      expect(max + 0).toBe(Math.max(...numbers, NONE) + 0);
      if (numbers.length > 0) expect(best).toBe(argMax(values));
      else expect(best).toBe(-1);
      const isBad = (x: number) => Number.isNaN(x) || x === ALL;
      expect(bad >= 0).toBe([...values].some(isBad));
      if (bad >= 0) expect(isBad(values[bad]!)).toBe(true);
    }),
  );
});
