/** Attention read out of tiny checkpoints, against PyTorch's `output_attentions`. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Method } from "../../src/engine/method.js";
import type { DtypeChoice } from "../../src/node/dtype-choice.js";
import {
  attentionEdit,
  attentionOutput,
  imageAttentionOutput,
} from "../../src/onnx/edits/attention.js";
import type { GraphEdit } from "../../src/onnx/edits/graph-edit.js";
import { imageAttentionEdit } from "../../src/onnx/edits/image-attention.js";
import {
  CHECKPOINTS,
  FOUR_BITS,
  largestDifference,
  openModel,
  readReference,
  requestOf,
} from "../checkpoints.js";

const CASES: readonly (readonly [name: string, dtype: DtypeChoice, tolerance: number])[] = [
  ["idefics3-concat", "fp32", 1e-5],
  ["smolvlm-gqa", "fp32", 1e-5],
  // The cache and the products are in float16 there.
  ["smolvlm-gqa", "fp16", 0.01],
  ["smolvlm-gqa", FOUR_BITS, 1e-5],
  ["qwen2-vl-concat", "fp32", 1e-5],
  ["qwen2.5-vl-gqa", "fp32", 1e-5],
  ["qwen3-vl-gqa", "fp32", 1e-5],
  ["qwen3.5-gqa", "fp32", 1e-5],
];

const on = (edit: GraphEdit, strength: number) => ({ edit, strength });

/** The plain method, which keeps what a layer's readings are at the first token of the answer. */
function looking(layers: readonly number[], seen: Record<string, Float32Array>, gain = 0): Method {
  const edit = attentionEdit(layers);
  return {
    name: "looking",
    settings: {},
    needs: { edits: [edit, imageAttentionEdit] },
    start: ({ view }) => ({
      streams: [{ view, edits: [on(edit, 1), on(imageAttentionEdit, gain)] }],
      scores([output], position) {
        if (position === 0) {
          for (const name of edit.outputs!) seen[name] = output!.readings![name]!.slice();
        }
        return output!.logits;
      },
    }),
  };
}

describe.each(CASES)("%s in %j", (name, dtype, tolerance) => {
  const reference = readReference(name);
  const expected = Object.entries(reference.attention!);
  // The one between Qwen3.5's layers of linear attention; of the others all.
  const layers = name === "qwen3.5-gqa" ? [1] : [...expected[0]![1].keys()];
  const { image_token_id: imageToken } = JSON.parse(
    readFileSync(`${CHECKPOINTS}${name}/config.json`, "utf8"),
  );

  test("attends to no image whose scores are lowered far", async () => {
    await using model = await openModel(name, dtype);
    const [[which] = [""]] = expected;
    const seen: Record<string, Float32Array> = {};
    const method = looking(layers, seen, -10000);
    await model.generate({ ...requestOf(reference, reference.cases[which]!), method });
    for (const layer of layers) {
      expect(Math.max(...seen[imageAttentionOutput(layer)]!)).toBe(0);
      expect(Math.max(...seen[attentionOutput(layer)]!)).toBeGreaterThan(0);
    }
  });

  test("attends as in PyTorch, each prompt alone and all in one batch", async () => {
    await using model = await openModel(name, dtype);
    const seen = expected.map((): Record<string, Float32Array> => ({}));
    const requests = expected.map(([which], i) => ({
      ...requestOf(reference, reference.cases[which]!),
      method: looking(layers, seen[i]!),
    }));
    for (const run of ["alone", "together"]) {
      if (run === "together") await model.generateBatch(requests);
      else for (const request of requests) await model.generate(request);
      expected.forEach(([which, byLayer], i) => {
        for (const [k, layer] of layers.entries()) {
          const weights = byLayer[k]!;
          const own = seen[i]![attentionOutput(layer)]!;
          expect(largestDifference(own, weights.flat()), `${which} ${layer}`).toBeLessThan(
            tolerance,
          );
          const { tokens } = reference.cases[which]!;
          const isImage = tokens.map((token) => token === imageToken);
          const shares = weights.map((row) =>
            row.reduce((sum, weight, i) => sum + (isImage[i] ? weight : 0), 0),
          );
          const image = seen[i]![imageAttentionOutput(layer)]!;
          expect(Math.max(...shares)).toBeGreaterThan(0);
          expect(largestDifference(image, shares)).toBeLessThan(10 * tolerance);
        }
      });
    }
  });
});
