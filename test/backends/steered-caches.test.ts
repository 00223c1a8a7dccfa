import { expect, test } from "vitest";
import { OnnxBackend } from "../../src/backends/onnx/backend.js";
import type { SteeringDirections } from "../../src/engine/directions.js";
import { LocalModel } from "../../src/model/local-model.js";
import { image } from "../engine/asked.js";
import { fakeOnnxParts } from "./fake-onnx.js";
import { countedParts } from "./watched.js";

/** One object for both parts, which must still be an edit of each graph. */
const one = { layers: 1, positions: 1, width: 2, data: Float32Array.of(1, 0) };
const directions: SteeringDirections = { modelHash: "fake", image: one, text: one, facts: {} };

/** Tokens of the beginning with the image; of the question behind it; and of the answer "ok". */
const [PREFIX, QUESTION, ANSWER] = [5, "Is it?\nMODEL:".length, 2];
const ask = { image, prompt: "Is it?" };

function counting(memory = { visionBytes: 2 ** 20, prefixBytes: 2 ** 20 }) {
  const { parts, counts } = countedParts(fakeOnnxParts({ respond: () => "ok" }));
  return { model: new LocalModel(new OnnxBackend({ ...parts, memory })), counts };
}

test("text-only steering takes the image's features from the model's cache", async () => {
  const { model, counts } = counting();
  await model.generate(ask);
  const steered = await model.steer(directions, { text: 1 });
  await steered.generate(ask);
  expect(counts).toMatchObject({ images: 1, editedImages: 0 });
  // What the decoder computed is steered from the first token, so its beginning is computed again.
  expect(counts.rows).toBe(2 * (PREFIX + QUESTION + ANSWER));
});

test("handles of equal strengths share features and beginnings, others have their own", async () => {
  const { model, counts } = counting();
  const strengths = { image: 0.5, text: 0.5 };
  const first = await model.steer(directions, strengths);
  const second = await model.steer(directions, strengths);
  await first.generate(ask);
  expect(counts).toEqual({
    images: 1,
    editedImages: 1,
    rows: PREFIX + QUESTION + ANSWER,
  });
  await second.generate(ask);
  expect(counts).toEqual({
    images: 1,
    editedImages: 1,
    rows: PREFIX + 2 * (QUESTION + ANSWER),
  });
  const third = await model.steer(directions, { image: 0.6, text: 0.5 });
  await third.generate(ask);
  expect(counts).toEqual({
    images: 2,
    editedImages: 2,
    rows: 2 * PREFIX + 3 * (QUESTION + ANSWER),
  });
});

test("the bound of features is the model's, however many handles there are", async () => {
  // Half of it is for features: room for those of one variant, 4 tokens of 2 numbers.
  const { model, counts } = counting({ visionBytes: 2 * 4 * 2 * 4, prefixBytes: 2 ** 20 });
  const steered = await model.steer(directions, { image: 1 });
  await model.generate(ask);
  await model.generate(ask);
  expect(counts).toMatchObject({ images: 1, editedImages: 0 });
  await steered.generate(ask);
  await model.generate(ask);
  expect(counts).toMatchObject({ images: 3, editedImages: 1 });
});

test("a steered handle settles each request on its own, also what is no request", async () => {
  const { model } = counting();
  const steered = await model.steer(directions, { text: 1 });
  const requests = [ask, null, { prompt: "" }, { ...ask, method: "vcd" }] as (typeof ask)[];
  const results = await steered.generateSettled(requests);
  const plain = await model.generateSettled(requests);
  expect(results.map(({ status }) => status)).toEqual([
    "fulfilled",
    "rejected",
    "rejected",
    "rejected",
  ]);
  for (const [i, result] of results.entries()) {
    if (i > 0) expect(result).toEqual(plain[i]);
  }
});
