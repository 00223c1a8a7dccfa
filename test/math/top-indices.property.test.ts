import fc from "fast-check";
import { expect, test } from "vitest";
import { topIndices } from "../../src/math/top-indices.js";

const scores = fc.array(fc.float({ min: -30, max: 30, noNaN: true }), {
  minLength: 1,
  maxLength: 50,
});

test("top indices are the head of a full sort", () => {
  fc.assert(
    fc.property(scores, fc.nat(60), (values, k) => {
      const sorted = [...values.keys()].sort((a, b) => values[b]! - values[a]! || a - b);
      expect(topIndices(values, k)).toEqual(sorted.slice(0, k));
    }),
  );
});
