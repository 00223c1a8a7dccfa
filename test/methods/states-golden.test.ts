import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { logSumExp } from "../../src/math/log-sum-exp.js";
import { candidates, correct } from "../../src/methods/deco.js";
import { mostDivergent } from "../../src/methods/dola.js";
import { layerRange } from "../../src/methods/layer-range.js";
import { applyPlausibility } from "../../src/methods/plausibility.js";
import { nullSpaceEdit } from "../../src/onnx/edits/null-space.js";
import { requestSteeringEdit } from "../../src/onnx/edits/request-steering.js";
import { unitDirections } from "../../src/onnx/edits/steering.js";
import { subspaceOf } from "../../src/vti/fit-subspace.js";
import golden from "../golden/methods_states.json" with { type: "json" };
import { identity, runMlp } from "../onnx/edits/small-mlp.js";

const EXITS = 3;

function exitsOf(numbers: readonly number[], vocabulary: number) {
  const logits = Float32Array.from(numbers);
  const normalizers = Float32Array.from({ length: EXITS }, (_, i) =>
    logSumExp(logits.subarray(i * vocabulary, (i + 1) * vocabulary)),
  );
  return { logits, normalizers };
}

/** Compares scores up to a constant, which no probability depends on; null is excluded. */
function expectScores(scores: Float32Array, expected: readonly (number | null)[]): void {
  const kept = expected.flatMap((value, i) => (value === null ? [] : [i]));
  const shift = scores[kept[0]!]! - expected[kept[0]!]!;
  for (const [i, value] of expected.entries()) {
    if (value === null) expect(scores[i]).toBe(Number.NEGATIVE_INFINITY);
    else expect(Math.abs(scores[i]! - shift - value)).toBeLessThan(1e-5);
  }
}

describe.each(golden.steps.map((step, i) => [i, step] as const))("step %d", (_, step) => {
  const { exits, logits: numbers } = step;
  const early = exitsOf(exits, numbers.length);

  test("is corrected as by the authors of DeCo", () => {
    const scores = Float32Array.from(numbers);
    const kept = candidates(scores, 0.9, 20);
    const made = correct(scores, kept, early, 0.6);
    expectScores(made, step.deco);
    const best = made.indexOf(Math.max(...made));
    expect(Math.abs(made[best]! - step.deco[best]!)).toBeLessThan(1e-5);
  });

  test("is contrasted as by the authors of DoLa", () => {
    const last = Float32Array.from(numbers);
    const layer = mostDivergent(last, early.logits, early.normalizers);
    const scores = last.map((score, i) => score - early.logits[layer * last.length + i]!);
    applyPlausibility(last, 0.1, scores);
    expectScores(scores, step.dola);
  });
});

test.each(golden.steered)(
  "steers by request as the authors of VISTA, lambda $lambda",
  async (item) => {
    const { x, v, steered, lambda } = item;
    const width = v.length;
    const input = new ort.Tensor("float32", Float32Array.from(x), [1, x.length / width, width]);
    const values = unitDirections(Float32Array.from(v), width);
    const made = await runMlp(requestSteeringEdit(), input, identity(width), lambda, values);
    steered.forEach((value, i) => {
      expect(Math.abs(made[i]! - value)).toBeLessThan(1e-5);
    });
  },
);

test("projects out what the authors of Nullu take out of the weights", async () => {
  const { differences, weight, edited, k } = golden.subspace;
  const [layers, width] = [weight.length, differences[0]!.length / weight.length];
  const inner = weight[0]!.length / width;
  const rows = differences.map((row) => Float32Array.from(row));
  const { subspace, explained } = subspaceOf(rows, { layers, width, rank: k });
  expect(explained.every((share) => share > 0.3 && share < 1)).toBe(true);
  for (let layer = 0; layer < layers; layer++) {
    const from = layer * k * width;
    const own = { layers: 1, rank: k, width, data: subspace.data.slice(from, from + k * width) };
    // Each row of the weight, (W, F) in PyTorch, is what a unit input gives.
    const transposed = Float32Array.from({ length: inner * width }, (_, i) => {
      const [f, w] = [Math.floor(i / width), i % width];
      return weight[layer]![w * inner + f]!;
    });
    const units = new ort.Tensor("float32", identity(inner), [1, inner, inner]);
    const made = await runMlp(nullSpaceEdit(own, layerRange("layers", "0")), units, transposed, 1);
    edited[layer]!.forEach((value, i) => {
      const [w, f] = [Math.floor(i / inner), i % inner];
      expect(Math.abs(made[f * width + w]! - value)).toBeLessThan(1e-5);
    });
  }
});
