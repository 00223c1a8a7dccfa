/** Decoders of two branches, one with a past and one without, as older exports have them. */
import { Tensor } from "onnxruntime-common";
import { describe, expect, test } from "vitest";
import { runSettings } from "../../src/backends/onnx/decoder-tensors.js";
import type { Method } from "../../src/engine/method.js";
import { UnsupportedCapabilityError } from "../../src/errors.js";
import { attentionEdit } from "../../src/onnx/edits/attention.js";
import { earlyExitEdit } from "../../src/onnx/edits/early-exit.js";
import { imageAttentionEdit } from "../../src/onnx/edits/image-attention.js";
import { applyEdits } from "../../src/onnx/edits/pipeline.js";
import { makeSyntheticDecoder } from "../../src/testing/synthetic/decoder.js";
import { CHECKPOINTS, openModel, readReference, requestOf } from "../checkpoints.js";
import { ids } from "../engine/asked.js";
import { expectBatch } from "../families/contract.js";
import { changeGraph, copyOf } from "../node/doctor/damage.js";
import { randomSteering, shape } from "../onnx/edits/small-runs.js";
import { mergeBranches } from "../onnx/merged-branches.js";

test.each([true, false])(
  "a graph of two branches is told whether there is a past: %s",
  (hasPast) => {
    const told = (...inputNames: string[]) =>
      runSettings(
        { Tensor },
        { inputNames } as unknown as Parameters<typeof runSettings>[1],
        hasPast,
      );
    expect(told("use_cache_branch").use_cache_branch).toMatchObject({
      type: "bool",
      dims: [1],
      data: Uint8Array.of(hasPast ? 1 : 0),
    });
    expect(told("inputs_embeds")).toEqual({});
  },
);

describe.each(["llava-concat", "smolvlm-gqa"])("%s with its decoder in two branches", (name) => {
  const reference = readReference(name);

  /** The model, in a copy of its folder that is there until the test ends. */
  async function merged(options?: Parameters<typeof openModel>[2]) {
    const folder = await copyOf(name, CHECKPOINTS);
    await changeGraph(folder, "decoder_model_merged", mergeBranches);
    return { folder, model: await openModel(folder, "fp32", options) };
  }

  test("answers as PyTorch does, alone and in batches, its whole cache returned", async () => {
    const { model } = await merged();
    await using _ = model;
    expect(model.info.cache).toBe("whole");
    for (const made of Object.values(reference.cases))
      expect(ids(await model.generate(requestOf(reference, made)))).toEqual(made.greedy);
    await expectBatch(model, reference);
  });

  test("refuses edits by the file and what was found there, and goes on without", async () => {
    const { folder, model } = await merged();
    await using _ = model;
    const edit = attentionEdit([0]);
    const reading: Method = {
      name: "reading",
      settings: {},
      needs: { edits: [edit] },
      start: ({ view }) => ({ streams: [{ view, edits: [{ edit, strength: 1 }] }] }),
    };
    const [made] = Object.values(reference.cases);
    const request = requestOf(reference, made!);
    const failure = await model.generate({ ...request, method: reading }).catch((error) => error);
    expect(failure).toBeInstanceOf(UnsupportedCapabilityError);
    expect(failure.message).toContain(`${folder}/onnx/decoder_model_merged.onnx: looked for one`);
    expect(failure.message).toContain(
      "found two in the branches of an If (input use_cache_branch)",
    );
    expect(ids(await model.generate(request))).toEqual(made!.greedy);
  });

  test("cannot return new rows alone, and says so where that is asked for", async () => {
    const refused = await merged({ cache: "delta" }).catch((error) => error);
    expect(refused).toBeInstanceOf(UnsupportedCapabilityError);
    expect(refused.message).toMatch(
      /decoder_model_merged\.onnx: looked for .* found If "branches"/,
    );
  });
});

test.each([
  ["steering", randomSteering(1)],
  ["early exits", earlyExitEdit([1])],
  ["attention", attentionEdit([0])],
  ["attention to images", imageAttentionEdit],
])("%s of two branches is refused", (_, edit) => {
  const model = mergeBranches(makeSyntheticDecoder(shape));
  expect(() => applyEdits(model, [edit], { newRows: false })).toThrow(UnsupportedCapabilityError);
  expect(() => applyEdits(model, [edit], { newRows: false })).toThrow("use_cache_branch");
});
