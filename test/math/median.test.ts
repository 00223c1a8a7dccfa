import fc from "fast-check";
import { expect, test } from "vitest";
import { median } from "../../src/math/median.js";

test("the middle one, the mean of the middle two, nothing of nothing", () => {
  expect(median([3, -1, 10])).toBe(3);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNull();
});

test("as many values lie above as below, and the order does not matter", () => {
  const numbers = fc.array(fc.integer({ min: -1e6, max: 1e6 }), { minLength: 1 });
  fc.assert(
    fc.property(numbers, (values) => {
      const middle = median(values)!;
      const above = values.filter((value) => value > middle).length;
      const below = values.filter((value) => value < middle).length;
      expect(Math.max(above, below)).toBeLessThanOrEqual(values.length / 2);
      expect(median([...values].reverse())).toBe(middle);
    }),
  );
});
