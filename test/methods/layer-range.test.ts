import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InvalidArgumentError } from "../../src/errors.js";
import { layerRange } from "../../src/methods/layer-range.js";

const of = (text: string) => layerRange("layers", text);

describe("layers as settings name them", () => {
  test.each([
    ["16-31", [16, 31]],
    ["20", [20, 20]],
  ])("%s are those layers", (text, [first, last]) => {
    const expected = Array.from({ length: last! - first! + 1 }, (_, i) => first! + i);
    expect(of(text).layers(32)).toEqual(expected);
    expect(of(text).exits(32)).toEqual(expected);
  });

  test("several are joined, in order and once each", () => {
    expect(of("4-6, 0,2  5").layers(7)).toEqual([0, 2, 4, 5, 6]);
  });

  test.each([
    ["5-18/32", 32, [5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]],
    ["5-18/32", 5, [1, 2]],
    ["16-31/32", 5, [3, 4]],
    ["16-31/32", 4, [2, 3]],
    ["31/32", 2, [1]],
    ["0/32", 1, [0]],
  ])("%s of a model of %d layers are as deep", (text, depth, expected) => {
    expect(of(text).layers(depth)).toEqual(expected);
  });

  test.each([
    ["20-28/32", 32, [20, 21, 22, 23, 24, 25, 26, 27, 28]],
    ["20-28/32", 5, [3, 4]],
    ["26-31/32", 5, [4]],
    ["0 2 4 6 8 10 12 14/32", 8, [0, 1, 2, 3, 4]],
  ])("exits %s of a model of %d layers are as deep", (text, depth, expected) => {
    expect(of(text).exits(depth)).toEqual(expected);
  });

  test("of any depth there are some, ascending, that the model has", () => {
    const numbers = fc.integer({ min: 0, max: 31 });
    fc.assert(
      fc.property(numbers, numbers, fc.integer({ min: 1, max: 96 }), (a, b, depth) => {
        const range = of(`${Math.min(a, b)}-${Math.max(a, b)}/32`);
        for (const found of [range.layers(depth), range.exits(depth)]) {
          expect(found.length).toBeGreaterThan(0);
          expect(found).toEqual([...new Set(found)].sort((x, y) => x - y));
          expect(found[0]).toBeGreaterThanOrEqual(0);
          expect(found.at(-1)).toBeLessThan(depth);
        }
      }),
    );
  });

  test.each(["", "a", "3-", "-3", "5-3", "1.5", "3-40/32", "3/0", "3/32/2", "3 /"])(
    "'%s' names none",
    (text) => {
      expect(() => of(text)).toThrow(/^layers: received '.*'; expected layers counted from 0/);
    },
  );

  test("layers that a model does not have are refused", () => {
    expect(() => of("16-31").layers(30)).toThrow(
      "layers: received '16-31'; expected 0 to 29, as the model has",
    );
    for (const text of ["0-999999", "0-99999999999"]) {
      expect(() => of(text).exits(30)).toThrow(InvalidArgumentError);
    }
  });
});
