import { expect, test } from "vitest";
import type { GenerateRequest } from "../../src/engine/request.js";
import { diffuse } from "../../src/math/diffusion-noise.js";
import { SeededRandom } from "../../src/math/seeded-random.js";
import { vcd } from "../../src/methods/vcd.js";
import { contextLogits } from "../../src/testing/fake-model.js";
import { fakeImage, IMAGE_TOKEN_ID, meanFeatures } from "../../src/testing/fake-tokens.js";
import { fakeOnnxModel } from "../backends/fake-onnx.js";
import { dark, image } from "../engine/asked.js";

/** What the decoder sees of the image at each step of an answer: the clear stream's feature, then the distorted one's. */
async function steps(request: GenerateRequest, model = listening()): Promise<number[][]> {
  model.seen.length = 0;
  const { tokens } = await model.generate(request);
  const features = model.seen.slice(-2 * (tokens.length + 1));
  return Array.from({ length: tokens.length + 1 }, (_, i) => features.slice(2 * i, 2 * i + 2));
}

function listening() {
  const seen: number[] = [];
  const model = fakeOnnxModel({
    logits(context) {
      const tokens = context.filter(({ id }) => id === IMAGE_TOKEN_ID);
      const [feature, ...others] = tokens.map((token) => token.feature);
      for (const other of others) expect(other).toBe(feature);
      seen.push(feature!);
      return contextLogits(context, () => "A longer answer.");
    },
  });
  return { seen, generate: (request: GenerateRequest) => model.generate(request) };
}

/** Feature of the image diffused by hand, the noise named by seed and image. */
function noisyFeature(source: typeof image, step: number, seed: number): number {
  const { key, values } = fakeImage(source);
  const noisy = diffuse(values, step, new SeededRandom(seed, `vcd noise/${key}`));
  return meanFeatures(noisy).data[1]!;
}

const clearFeature = (source: typeof image) => meanFeatures(fakeImage(source).values).data[1]!;
const ask = { image, prompt: "Is there a dog?", method: vcd({ noiseStep: 999, beta: 0 }) };

test("the second stream sees one draw of noise, the same at every token of an answer", async () => {
  const seen = await steps({ ...ask, seed: 4 });
  expect(seen).toHaveLength("A longer answer.".length + 1);
  const expected = [clearFeature(image), noisyFeature(image, 999, 4)];
  expect(seen).toEqual(seen.map(() => expected));
});

test("the noise is the same for all questions, in the same model and in another", async () => {
  const model = listening();
  const [first] = await steps(ask, model);
  const others = [
    await steps({ ...ask, prompt: "How many cats?" }, model),
    await steps({ ...ask, prompt: "How many cats?", temperature: 1 }),
    await steps({ ...ask, method: vcd({ noiseStep: 999, alpha: 3, beta: 0 }) }),
  ];
  for (const seen of others) for (const step of seen) expect(step).toEqual(first);
});

test("another seed, image or noise step gives other noise", async () => {
  const model = listening();
  const [[, first]] = (await steps(ask, model)) as [[number, number]];
  const others = [
    await steps({ ...ask, seed: 1 }, model),
    await steps({ ...ask, method: vcd({ noiseStep: 500, beta: 0 }) }, model),
  ];
  for (const [step] of others) expect(step![1]).not.toBe(first);
  const [other] = await steps({ ...ask, image: dark }, model);
  // Not the same noise on another image: what it adds differs too.
  expect(other![1]! - noisyPart(dark)).not.toBeCloseTo(first - noisyPart(image), 5);
});

/** The share of the clear image in its diffused copy. */
function noisyPart(source: typeof image): number {
  const noiseless = { gaussian: () => 0 } as unknown as SeededRandom;
  return meanFeatures(diffuse(fakeImage(source).values, 999, noiseless)).data[1]!;
}
