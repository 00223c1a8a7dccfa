import { afterAll, describe, expect, test } from "vitest";
import type { Method } from "../../src/engine/method.js";
import { averaging } from "../../src/methods/averaging.js";
import { vcd } from "../../src/methods/vcd.js";
import { vdgd } from "../../src/methods/vdgd.js";
import { vti } from "../../src/methods/vti.js";
import { fitDirections } from "../../src/vti/fit-directions.js";
import {
  largestDifference,
  layOutCase,
  listening,
  openCheckpoint,
  openModel,
  picture,
  readReference,
  recorded,
  requestOf,
} from "../checkpoints.js";
import { ids } from "../engine/asked.js";

const NAMES = ["qwen2-vl-concat", "qwen2.5-vl-gqa", "qwen3-vl-gqa"] as const;
const CHECKPOINTS = NAMES.flatMap((name) => [[name, "fp32"] as const, [name, "q4"] as const]);
/** How far logits may be from PyTorch's in 32 bits; 4-bit weights hold the references' exactly. */
const TOLERANCE = 1e-3;

describe.each(NAMES)("what %s is given", async (name) => {
  const reference = readReference(name);
  const backend = await openCheckpoint(name);
  const { family } = backend.info;
  afterAll(() => backend.release());

  test.each(Object.entries(reference.cases))(
    "is what Python's processor and get_rope_index make: %s",
    async (_, made) => {
      const { prompt, images } = await layOutCase(backend, reference, made);
      expect(prompt.tokens).toEqual(made.tokens);
      expect(prompt.positions.planes.map((plane) => [...plane])).toEqual(made.positions);
      expect(prompt.positions.next).toBe(Math.max(...made.positions.flat()) + 1);
      const inputs = await Promise.all(
        images.map(async (image) => {
          const processed = await image.process();
          const grid = family === "qwen2_vl" ? "grid_thw" : "image_grid_thw";
          return {
            pixel_values: recorded(processed.toInput!(processed.pixels)),
            image_grid_thw: recorded(processed.inputs[grid]!),
          };
        }),
      );
      expect(inputs).toEqual(made.vision);
    },
  );
});

describe.each(CHECKPOINTS)("%s in %s", async (name, dtype) => {
  const reference = readReference(name);
  const model = await openModel(name, dtype);
  afterAll(() => model.dispose());
  const request = (key: string) => requestOf(reference, reference.cases[key]!);

  test.each(Object.entries(reference.cases))(
    "has PyTorch's logits and greedy tokens: %s",
    async (key, made) => {
      const steps: Float32Array[] = [];
      const answer = await model.generate({ ...request(key), method: listening(steps) });
      expect(largestDifference(steps[0]!, made.logits)).toBeLessThan(TOLERANCE);
      expect(ids(answer)).toEqual(made.greedy);
    },
  );

  test("answers requests of unequal lengths together as PyTorch does", async () => {
    const { rows, greedy } = reference.batch;
    expect((await model.generateBatch(rows.map(request))).map(ids)).toEqual(greedy);
    const all = Object.keys(reference.cases);
    expect((await model.generateBatch(all.map(request))).map(ids)).toEqual(
      all.map((key) => reference.cases[key]!.greedy),
    );
  });

  const methods: readonly (readonly [string, Method])[] = [
    ["vcd", vcd()],
    ["averaging", averaging({ copies: 2 })],
    ["vdgd", vdgd()],
  ];
  test.each(methods)("runs %s", async (_, method) => {
    const answer = await model.generate({ ...request("two images"), method });
    expect(answer.tokens.length).toBeGreaterThan(0);
    expect(ids(answer)).not.toEqual(reference.cases["two images"]!.greedy);
  });

  test("is steered in decoder and tower; by next to nothing, it answers as before to the bit", async () => {
    const directions = {
      modelHash: await model.hash(),
      text: ofLayers(2),
      // One direction for all patches, as images have any number of them.
      image: ofLayers(2),
      facts: {},
    };
    const logits = async (strengths: { image: number; text: number }) => {
      const steered = await model.steer(directions, strengths);
      const steps: Float32Array[] = [];
      await steered.generate({ ...request("two images"), method: listening(steps) });
      return steps.map((step) => [...step]);
    };
    const before = await logits({ image: 0, text: 0 });
    expect(await logits({ image: 0, text: 1e-30 })).toEqual(before);
    expect(await logits({ image: 1e-30, text: 0 })).toEqual(before);
    expect((await logits({ image: 0, text: 5 }))[0]).not.toEqual(before[0]);
    expect((await logits({ image: 5, text: 0 }))[0]).not.toEqual(before[0]);
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
    expect(directions.text).toMatchObject({ layers: 2, positions: 1, width: 32 });
    const answer = await model.generate({
      ...request("two images"),
      method: vti({ directions, text: 20 }),
    });
    expect(ids(answer)).not.toEqual(reference.cases["two images"]!.greedy);
  });
});

function ofLayers(layers: number) {
  const width = 32;
  const data = Float32Array.from({ length: layers * width }, (_, i) => Math.sin(i + 1));
  return { layers, positions: 1, width, data };
}
