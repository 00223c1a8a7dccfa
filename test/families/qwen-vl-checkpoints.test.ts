import { afterAll, describe, expect, test } from "vitest";
import { vti } from "../../src/methods/vti.js";
import type { DtypeChoice } from "../../src/node/dtype-choice.js";
import { fitDirections } from "../../src/vti/fit-directions.js";
import { openCheckpoint, openModel, picture, readReference, requestOf } from "../checkpoints.js";
import { ids } from "../engine/asked.js";
import {
  directionLayers,
  expectBatch,
  expectGiven,
  expectSteered,
  steeredLogits,
  testAnswers,
  testMethods,
} from "./contract.js";

const NAMES = ["qwen2-vl-concat", "qwen2.5-vl-gqa", "qwen3-vl-gqa", "qwen3.5-gqa"] as const;
const DTYPES = ["fp32", "q4", "fp16"] as const;
const CHECKPOINTS = NAMES.flatMap((name) => DTYPES.map((dtype) => [name, dtype] as const));
/** How far logits may be from PyTorch's in 32 bits: 4-bit weights hold the references' exactly, float16 rounds activations. */
const TOLERANCE = { fp32: 1e-3, q4: 1e-3, fp16: 6e-2 } as const;
/** Embeddings are not there in 4 bits, and the tower of Qwen3.5, which is that of Qwen3-VL, in float32 alone. */
const precisionOf = (name: string, dtype: (typeof DTYPES)[number]): DtypeChoice => ({
  embed_tokens: dtype === "fp16" ? dtype : "fp32",
  vision_encoder: name === "qwen3.5-gqa" ? "fp32" : dtype,
  decoder_model_merged: dtype,
});
/** Layers of the decoder, and of the tower, one of whose layers sees windows in Qwen2.5-VL. */
const layersOf = (name: string) => ({
  text: name === "qwen3.5-gqa" ? 3 : 2,
  image: name === "qwen2.5-vl-gqa" ? 2 : 1,
});

describe.each(NAMES)("what %s is given", async (name) => {
  const reference = readReference(name);
  const backend = await openCheckpoint(name);
  const { family } = backend.info;
  afterAll(() => backend.release());

  test.each(Object.entries(reference.cases))(
    "is what Python's processor and get_rope_index make: %s",
    (_, made) =>
      expectGiven(backend, reference, made, {
        next: Math.max(...made.positions.flat()) + 1,
        nameOf: (input) =>
          family === "qwen2_vl" && input === "grid_thw" ? "image_grid_thw" : input,
      }),
  );
});

describe.each(CHECKPOINTS)("%s in %s", async (name, dtype) => {
  const reference = readReference(name);
  const model = await openModel(name, precisionOf(name, dtype));
  afterAll(() => model.dispose());
  const request = (key: string) => requestOf(reference, reference.cases[key]!);

  testAnswers(model, reference, TOLERANCE[dtype]);
  // The same tokens, it may be, but not of the same probabilities.
  testMethods(model, request("two images"), ({ tokens }) => tokens);

  test("is steered in decoder and tower; by next to nothing, it answers as before to the bit", async () => {
    const layers = layersOf(name);
    const directions = {
      modelHash: await model.hash(),
      text: directionLayers(layers.text),
      // One direction for all patches, as images have any number of them.
      image: directionLayers(layers.image, 1, 16),
      facts: {},
    };
    await expectSteered(steeredLogits(model, directions, request("two images")));
  });

  test("is fitted for the text alone, since images have no fixed size, and steered by it", async () => {
    const demonstrations = [0, 1, 2, 3].map((i) => ({
      image: picture(reference.images[i % 3]!),
      prompt: "What is in the image?",
      caption: `A dog and ${i}.`,
      hallucinated: `A cat and ${i}.`,
    }));
    await expect(fitDirections(model, demonstrations)).rejects.toMatchObject({
      code: "UNSUPPORTED_CAPABILITY",
      message: expect.stringContaining("takes each image in its own size, as patches"),
    });
    const directions = await fitDirections(model, demonstrations, { parts: "text" });
    expect(directions.image).toBeUndefined();
    expect(directions.facts.image).toBeUndefined();
    expect(directions.text).toMatchObject({ layers: layersOf(name).text, positions: 1, width: 32 });
    const answer = await model.generate({
      ...request("two images"),
      method: vti({ directions, text: 20 }),
    });
    expect(ids(answer)).not.toEqual(reference.cases["two images"]!.greedy);
  });
});

test.each([
  ["whole", "fp32"],
  ["delta", "fp32"],
  ["whole", "q4"],
  ["whole", "fp16"],
  ["delta", "fp16"],
] as const)(
  "states of fixed size go with a cache that is returned as %s, in %s",
  async (cache, dtype) => {
    const reference = readReference("qwen3.5-gqa");
    const precision = precisionOf("qwen3.5-gqa", dtype);
    const model = await openModel("qwen3.5-gqa", precision, { cache });
    expect(model.info.cache).toBe(cache);
    await expectBatch(model, reference);
    await model.dispose();
  },
);
