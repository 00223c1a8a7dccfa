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

const NAME = "gemma4-concat";
/** How far logits may be from PyTorch's in 32 bits: float16 rounds activations, and keeps its cache in 16 bits. */
const TOLERANCE = { fp32: 1e-3, q4: 1e-3, fp16: 3e-2 } as const;
const reference = readReference(NAME);
const cases = Object.entries(reference.cases);
const request = (key: string) => requestOf(reference, reference.cases[key]!);

describe("what the model is given", async () => {
  const backend = await openCheckpoint(NAME);
  afterAll(() => backend.release());

  test.each(cases)("is what Python's processor makes: %s", async (_, made) => {
    const { prompt, images } = await layOutCase(backend, reference, made);
    expect(prompt.tokens).toEqual(made.tokens);
    expect(prompt.positions.planes.map((plane) => [...plane])).toEqual(made.positions);
    expect(prompt.positions.next).toBe(made.tokens.length);
    const inputs = await Promise.all(
      images.map(async (image) => {
        const { pixels, toInput, pixelsInput, inputs } = await image.process();
        const all = Object.entries({ [pixelsInput]: toInput!(pixels), ...inputs });
        return Object.fromEntries(all.map(([input, data]) => [input, recorded(data)]));
      }),
    );
    expect(inputs).toEqual(made.vision);
  });

  test("the cache has a shape for each layer that has one of its own", () => {
    expect(backend.geometry.layers).toEqual([
      { layer: 0, heads: 2, headSize: 16 },
      { layer: 1, heads: 1, headSize: 32 },
    ]);
    expect(backend.info).toMatchObject({ layers: 3, family: "gemma4", cache: "delta" });
  });
});

describe.each(["fp32", "q4", "fp16"] as const)("in %s", async (dtype) => {
  const model = await openModel(NAME, dtype);
  afterAll(() => model.dispose());

  test.each(cases)("has PyTorch's logits and greedy tokens: %s", async (key, made) => {
    const steps: Float32Array[] = [];
    const answer = await model.generate({ ...request(key), method: listening(steps) });
    expect(largestDifference(steps[0]!, made.logits)).toBeLessThan(TOLERANCE[dtype]);
    expect(ids(answer)).toEqual(made.greedy);
  });

  test("answers requests of unequal lengths together as PyTorch does", async () => {
    const { rows, greedy } = reference.batch;
    expect((await model.generateBatch(rows.map(request))).map(ids)).toEqual(greedy);
    const all = cases.map(([key]) => request(key));
    expect((await model.generateBatch(all)).map(ids)).toEqual(cases.map(([, one]) => one.greedy));
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
      text: ofLayers(3),
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
      image: picture(reference.images[i % 2]!),
      prompt: "What is in the image?",
      caption: `a dog and ${i}`,
      hallucinated: `a fork and ${i}`,
    }));
    await expect(fitDirections(model, demonstrations, { maskings: 2 })).rejects.toThrow(
      /no fixed positions to fit directions for.*parts: "text"/,
    );
    const directions = await fitDirections(model, demonstrations, { parts: "text" });
    expect(directions.text).toMatchObject({ layers: 3, positions: 1, width: 32 });
    const answer = await model.generate({
      ...request("two images"),
      method: vti({ directions, text: 3, method: vcd() }),
    });
    expect(answer.tokens.length).toBeGreaterThan(0);
  });
});

/** Directions of some layers of width 32. */
function ofLayers(layers: number) {
  const data = Float32Array.from({ length: layers * 32 }, (_, i) => Math.sin(i + 1));
  return { layers, positions: 1, width: 32, data };
}
