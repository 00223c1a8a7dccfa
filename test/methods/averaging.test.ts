import { expect, test } from "vitest";
import { OnnxBackend } from "../../src/backends/onnx/backend.js";
import { diffuse } from "../../src/math/diffusion-noise.js";
import { SeededRandom } from "../../src/math/seeded-random.js";
import { averaging } from "../../src/methods/averaging.js";
import { vcd } from "../../src/methods/vcd.js";
import { LocalModel } from "../../src/model/local-model.js";
import { contextLogits } from "../../src/testing/fake-model.js";
import { fakeImage, IMAGE_TOKEN_ID } from "../../src/testing/fake-tokens.js";
import { fakeOnnxParts, fakeSession } from "../backends/fake-onnx.js";
import { dark, image } from "../engine/asked.js";

const { key, values } = fakeImage(image);

/** Features that are no linear map of the pixels, so that the mean of features is not the feature of a mean. */
const encode = (pixels: Float32Array): number[] =>
  Array.from({ length: 4 }, (_, i) => pixels.reduce((sum, x) => sum + Math.abs(x) ** (i + 1), 0));

/** A model that encodes by {@link encode}, and the features that its decoder is given, one list per context. */
function listening() {
  const seen: number[][] = [];
  const parts = fakeOnnxParts({
    logits(context) {
      const features = context.filter(({ id }) => id === IMAGE_TOKEN_ID);
      seen.push(features.map(({ feature }) => feature));
      return contextLogits(context, () => "ok");
    },
  });
  const { Tensor } = parts.runtime;
  const session = fakeSession(({ pixel_values: pixels }) => {
    const rows = encode(pixels!.data as Float32Array).flatMap((value) => [IMAGE_TOKEN_ID, value]);
    return { image_features: new Tensor("float32", Float32Array.from(rows), [1, 4, 2]) };
  });
  const graphs = { ...parts.graphs, vision: { session, feeds: {} } };
  return { model: new LocalModel(new OnnxBackend({ ...parts, graphs })), seen };
}

/** Mean of the features of copies diffused to a step, one after the other with one generator. */
function meanOfCopies(pixels: Float32Array, copies: number, step: number, seed: number): number[] {
  const random = new SeededRandom(seed, `averaging noise/${key}`);
  const all = Array.from({ length: copies }, () => encode(diffuse(pixels, step, random)));
  return [0, 1, 2, 3].map((i) => all.reduce((sum, one) => sum + one[i]!, 0) / copies);
}

function expectClose(actual: readonly number[] | undefined, expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  for (const [i, value] of expected.entries()) expect(actual![i]).toBeCloseTo(value, 4);
}

test.each([
  { copies: 1, noiseStep: 200, seed: 0 },
  { copies: 3, noiseStep: 200, seed: 0 },
  { copies: 10, noiseStep: 900, seed: 7 },
])(
  "$copies copies at step $noiseStep, seed $seed: the decoder gets the mean of their features",
  async (settings) => {
    const { copies, noiseStep, seed } = settings;
    const { model, seen } = listening();
    const ask = { image, prompt: "?", seed };
    await model.generate({ ...ask, method: averaging({ copies, noiseStep }) });
    const expected = meanOfCopies(values, copies, noiseStep, seed);
    for (const features of seen) expectClose(features, expected);
    const plain = listening();
    await plain.model.generate(ask);
    expectClose(plain.seen[0], encode(values));
    expect(Math.abs(expected[3]! - plain.seen[0]![3]!)).toBeGreaterThan(0.01);
  },
);

test("features are the same for every question on an image, others for another seed or image", async () => {
  const { model, seen } = listening();
  const method = averaging({ copies: 2 });
  const featuresOf = async (request: { image: typeof image; seed?: number; prompt?: string }) => {
    await model.generate({ prompt: "?", method, ...request });
    return seen.at(-1);
  };
  const first = await featuresOf({ image });
  expect(await featuresOf({ image, prompt: "What else?" })).toEqual(first);
  const fresh = listening();
  await fresh.model.generate({ prompt: "?", method, image });
  expect(fresh.seen.at(-1)).toEqual(first);
  expect(await featuresOf({ image, seed: 1 })).not.toEqual(first);
  expect(await featuresOf({ image: dark })).not.toEqual(first);
});

test("a method inside decodes on averaged features: vcd contrasts with the mean of a noisy image's copies", async () => {
  const { model, seen } = listening();
  const [copies, noiseStep] = [2, 300];
  const method = averaging({ copies, noiseStep, method: vcd({ noiseStep: 800 }) });
  await model.generate({ image, prompt: "?", seed: 3, method });
  const noisy = diffuse(values, 800, new SeededRandom(3, `vcd noise/${key}`));
  const expected = [values, noisy].map((pixels) => meanOfCopies(pixels, copies, noiseStep, 3));
  // The beginnings of both streams are computed first; whole contexts follow, two at a step.
  expect(seen.length).toBeGreaterThan(4);
  seen.slice(2).forEach((features, i) => {
    expectClose(features, expected[i % 2]!);
  });
});
