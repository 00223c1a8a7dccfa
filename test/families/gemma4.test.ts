import { afterAll, describe, expect, test } from "vitest";
import { vcd } from "../../src/methods/vcd.js";
import { vti } from "../../src/methods/vti.js";
import { fitDirections } from "../../src/vti/fit-directions.js";
import { openCheckpoint, openModel, picture, readReference, requestOf } from "../checkpoints.js";
import { ids } from "../engine/asked.js";
import {
  directionLayers,
  expectGiven,
  expectSteered,
  steeredLogits,
  testAnswers,
  testMethods,
} from "./contract.js";

const NAME = "gemma4-concat";
/** How far logits may be from PyTorch's in 32 bits: float16 rounds activations, and keeps its cache in 16 bits. */
const TOLERANCE = { fp32: 1e-3, q4: 1e-3, fp16: 3e-2 } as const;
const reference = readReference(NAME);
const cases = Object.entries(reference.cases);
const request = (key: string) => requestOf(reference, reference.cases[key]!);

describe("what the model is given", async () => {
  const backend = await openCheckpoint(NAME);
  afterAll(() => backend.release());

  test.each(cases)("is what Python's processor makes: %s", (_, made) =>
    expectGiven(backend, reference, made),
  );

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

  testAnswers(model, reference, TOLERANCE[dtype]);
  testMethods(model, request("two images"), ids);

  test("is steered in decoder and tower; by next to nothing, it answers as before to the bit", async () => {
    const directions = {
      modelHash: await model.hash(),
      text: directionLayers(3),
      // One direction for all patches, as images have any number of them.
      image: directionLayers(2),
      facts: {},
    };
    await expectSteered(steeredLogits(model, directions, request("two images")));
  });

  test("is fitted for the text alone, since images have no fixed size, and steered by it", async () => {
    const demonstrations = [0, 1, 2, 3].map((i) => ({
      image: picture(reference.images[i % 2]!),
      prompt: "What is in the image?",
      caption: `a dog and ${i}`,
      hallucinated: `a fork and ${i}`,
    }));
    await expect(fitDirections(model, demonstrations, { maskings: 2 })).rejects.toThrow(
      /no fixed positions whose states could be read.*parts: "text"/,
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
