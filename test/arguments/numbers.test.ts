import { expect, test } from "vitest";
import { integerIn, numberIn, oneOf, shown } from "../../src/arguments/numbers.js";
import { InvalidArgumentError } from "../../src/errors.js";

test.each([
  [() => numberIn("beta", 2, 0, 1), "beta: received 2; expected a number from 0 to 1"],
  [() => numberIn("p", 0, Number.MIN_VALUE, 1), "expected a number above 0 and at most 1"],
  [() => numberIn("x", "2", 0), "x: received '2'; expected a number of at least 0"],
  [() => numberIn("x", Number.NaN, Number.NEGATIVE_INFINITY), "expected a finite number"],
  [() => numberIn("x", Number.POSITIVE_INFINITY, 0), "x: received Infinity"],
  [() => integerIn("n", 1.5, 1), "n: received 1.5; expected an integer of at least 1"],
  [() => integerIn("n", 10, 0, 9), "n: received 10; expected an integer from 0 to 9"],
  [
    () => integerIn("seed", 2 ** 60, 0),
    "seed: received 1152921504606847000; expected an integer from 0 to 2^53 - 1",
  ],
  [
    () => numberIn("temperature", "1", 0, 100),
    "temperature: received '1'; expected a number from 0 to 100",
  ],
  [() => oneOf("dtype", 4, ["fp32"]), "dtype: received 4; expected one of fp32"],
  [
    () => oneOf("dtype", "fp64", ["fp32", "q8"]),
    "dtype: received 'fp64'; expected one of fp32, q8",
  ],
])("wrong values are refused by name, value and range (%#)", (check, message) => {
  expect(check).toThrow(InvalidArgumentError);
  expect(check).toThrow(message);
});

test("right values come back, the ends of a range among them", () => {
  expect([numberIn("x", 0, 0, 1), numberIn("x", 1, 0, 1), numberIn("x", -5, -5)]).toEqual([
    0, 1, -5,
  ]);
  expect([integerIn("n", 1, 1), integerIn("n", 2 ** 53 - 1, 0)]).toEqual([1, 2 ** 53 - 1]);
  expect(oneOf("x", "b", ["a", "b"])).toBe("b");
});

test("a value in a message never takes more than a line", () => {
  expect(shown("text")).toBe("'text'");
  expect(shown({ a: 1 })).toBe('{"a":1}');
  expect(shown(null)).toBe("null");
  expect(shown("x".repeat(500))).toHaveLength(82);
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  expect(shown(circle)).toBe("object");
});
