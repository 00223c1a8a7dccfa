import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { argMax } from "../../src/math/arg-max.js";
import { softmax } from "../../src/math/softmax.js";
import { apc } from "../../src/methods/apc.js";
import { contrast } from "../../src/methods/contrast.js";
import { applyPlausibility } from "../../src/methods/plausibility.js";
import { methodNamed } from "../../src/methods/registry.js";
import { vcd } from "../../src/methods/vcd.js";
import golden from "../golden/vcd_combine.json" with { type: "json" };

test.each(golden.cases)(
  "alpha $alpha, beta $beta: probabilities and kept tokens are those of the authors' code",
  (sample) => {
    const logits = Float32Array.from(sample.logits);
    const scores = contrast(logits, Float32Array.from(sample.distorted), sample.alpha, sample.beta);
    const kept = [...scores.keys()].filter((i) => scores[i]! > Number.NEGATIVE_INFINITY);
    expect(kept).toEqual(sample.kept);
    softmax(scores).forEach((p, i) => {
      expect(Math.abs(p - sample.probs[i]!)).toBeLessThan(1e-5);
    });
  },
);

const row = fc.array(fc.float({ min: -20, max: 20, noNaN: true }), { minLength: 2, maxLength: 30 });
const pair = row.chain((clear) =>
  fc.tuple(
    fc.constant(clear),
    fc.array(fc.float({ min: -20, max: 20, noNaN: true }), {
      minLength: clear.length,
      maxLength: clear.length,
    }),
  ),
);
const strength = fc.double({ min: 0, max: 5, noNaN: true });
const share = fc.double({ min: 0, max: 1, noNaN: true });

describe("properties", () => {
  test("the arg-max of the clear stream is always kept", () => {
    fc.assert(
      fc.property(pair, strength, share, ([clear, distorted], alpha, beta) => {
        const scores = contrast(
          Float32Array.from(clear),
          Float32Array.from(distorted),
          alpha,
          beta,
        );
        expect(scores[argMax(clear)]).toBeGreaterThan(Number.NEGATIVE_INFINITY);
      }),
    );
  });

  test("alpha 0 leaves kept logits as they are, and a tiny beta keeps all", () => {
    fc.assert(
      fc.property(pair, ([clear, distorted]) => {
        const logits = Float32Array.from(clear);
        expect(contrast(logits, Float32Array.from(distorted), 0, 1e-30).map((x) => x + 0)).toEqual(
          logits.map((x) => x + 0),
        );
      }),
    );
  });

  test("a constant added to either stream's logits changes no probability", () => {
    fc.assert(
      fc.property(
        pair,
        fc.integer({ min: -50, max: 50 }),
        fc.integer({ min: -50, max: 50 }),
        ([clear, distorted], a, b) => {
          // Whole numbers, so that shifting is exact in float32.
          const rounded = clear.map(Math.round);
          const other = distorted.map(Math.round);
          const plain = softmax(
            contrast(Float32Array.from(rounded), Float32Array.from(other), 1, 0.1),
          );
          const shifted = softmax(
            contrast(
              Float32Array.from(rounded, (x) => x + a),
              Float32Array.from(other, (x) => x + b),
              1,
              0.1,
            ),
          );
          plain.forEach((p, i) => {
            expect(shifted[i]).toBeCloseTo(p, 5);
          });
        },
      ),
    );
  });

  test("equal streams give the plausibility constraint alone", () => {
    fc.assert(
      fc.property(row, strength, share, (clear, alpha, beta) => {
        const logits = Float32Array.from(clear);
        const expected = logits.slice();
        applyPlausibility(logits, beta, expected);
        const scores = contrast(logits, logits.slice(), alpha, beta);
        scores.forEach((score, i) => {
          if (expected[i] === Number.NEGATIVE_INFINITY) expect(score).toBe(expected[i]);
          else expect(score).toBeCloseTo(expected[i]!, 3);
        });
      }),
    );
  });
});

describe("options", () => {
  test("defaults are the paper's", () => {
    expect(vcd().settings).toEqual({ alpha: 1, beta: 0.1, noiseStep: 500 });
    expect(apc().settings).toEqual({ beta: 0.1 });
  });

  test.each([
    [() => vcd({ alpha: -1 }), "alpha: received -1"],
    [() => vcd({ beta: 1.5 }), "beta: received 1.5"],
    [() => vcd({ noiseStep: 1000 }), "noise step: received 1000"],
    [
      () => vcd({ noise_step: 500 } as object),
      "vcd has no option 'noise_step'; did you mean noiseStep?",
    ],
    [() => methodNamed("vdc"), "Did you mean 'vcd'?"],
    [() => methodNamed("toString"), "method: received 'toString'"],
    [() => methodNamed("apc", { beta: "0.1" }), "beta: received '0.1'"],
  ])("wrong ones are refused by name (%#)", (make, message) => {
    expect(make).toThrow(message);
  });

  test("a method is rebuilt from its name and settings", () => {
    expect(methodNamed("vcd", { alpha: 2 })).toMatchObject({
      name: "vcd",
      settings: { alpha: 2, beta: 0.1 },
    });
  });
});
