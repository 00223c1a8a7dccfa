import fc from "fast-check";
import { expect, test } from "vitest";
import { argMax } from "../../src/math/arg-max.js";
import { logSoftmax } from "../../src/math/log-softmax.js";
import { softmax } from "../../src/math/softmax.js";

const logits = fc.array(fc.double({ min: -80, max: 80, noNaN: true }), {
  minLength: 1,
  maxLength: 40,
});

test("softmax sums to one, keeps the arg-max, and is the exponential of log-softmax", () => {
  fc.assert(
    fc.property(logits, (values) => {
      const copy = [...values];
      const probs = softmax(values);
      expect(values).toEqual(copy);
      expect(probs.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 5);
      expect(probs[argMax(values)]).toBe(Math.max(...probs));
      const logProbs = logSoftmax(values);
      for (let i = 0; i < values.length; i++)
        expect(Math.exp(logProbs[i]!)).toBeCloseTo(probs[i]!, 4);
    }),
  );
});

test("adding a constant to all logits changes nothing", () => {
  fc.assert(
    fc.property(logits, fc.double({ min: -500, max: 500, noNaN: true }), (values, shift) => {
      const shifted = softmax(values.map((value) => value + shift));
      const plain = softmax(values);
      for (let i = 0; i < values.length; i++) expect(shifted[i]).toBeCloseTo(plain[i]!, 5);
    }),
  );
});

test("-Infinity is probability zero, also when it is all but one", () => {
  expect([...softmax([Number.NEGATIVE_INFINITY, 3])]).toEqual([0, 1]);
  expect([...logSoftmax([Number.NEGATIVE_INFINITY, 3])]).toEqual([Number.NEGATIVE_INFINITY, 0]);
});
