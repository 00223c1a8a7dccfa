import fc from "fast-check";
import { expect, test } from "vitest";
import { addLowRank, transposed } from "../../src/math/low-rank.js";

const size = fc.integer({ min: 1, max: 6 });
const numbers = (length: number) =>
  fc.array(fc.float({ min: -4, max: 4, noNaN: true }), { minLength: length, maxLength: length });

/** W (outputs, inputs), B (outputs, rank), A (rank, inputs), s, and x. */
const update = fc.tuple(size, size, size).chain(([outputs, inputs, rank]) =>
  fc.record({
    shape: fc.constant({ outputs, inputs, rank }),
    w: numbers(outputs * inputs).map((values) => Float32Array.from(values)),
    b: numbers(outputs * rank).map((values) => Float32Array.from(values)),
    a: numbers(rank * inputs).map((values) => Float32Array.from(values)),
    x: numbers(inputs),
    scale: fc.float({ min: -2, max: 2, noNaN: true }),
  }),
);

function times(matrix: Float32Array, x: readonly number[]): number[] {
  const rows = matrix.length / x.length;
  return Array.from({ length: rows }, (_, i) =>
    x.reduce((sum, value, j) => sum + matrix[i * x.length + j]! * value, 0),
  );
}

test("a merged matrix gives what the matrix and the update give side by side", () => {
  fc.assert(
    fc.property(update, ({ shape: { outputs, rank }, w, b, a, x, scale }) => {
      const before = [w, b, a].map((one) => one.slice());
      const merged = times(addLowRank(w, b, a, scale, rank), x);
      const inner = times(a, x);
      const apart = times(w, x).map((y, i) => y + scale * times(b, inner)[i]!);
      for (let i = 0; i < outputs; i++) expect(merged[i]).toBeCloseTo(apart[i]!, 3);
      expect([w, b, a]).toEqual(before);
    }),
  );
});

test("in the other layout the sum is the transpose, number for number", () => {
  fc.assert(
    fc.property(update, ({ shape: { outputs, rank }, w, b, a, scale }) => {
      const sum = addLowRank(w, b, a, 1, rank);
      const turned = addLowRank(
        transposed(w, outputs),
        transposed(a, rank),
        transposed(b, outputs),
        1,
        rank,
      );
      expect(turned).toEqual(transposed(sum, outputs));
      // 0 leaves the weight as it is, and taking the update back gives it again.
      const unchanged = addLowRank(w, b, a, 0, rank);
      expect(unchanged.every((value, i) => value === w[i])).toBe(true);
      const back = addLowRank(addLowRank(w, b, a, scale, rank), b, a, -scale, rank);
      back.forEach((value, i) => {
        expect(value).toBeCloseTo(w[i]!, 4);
      });
    }),
  );
});
