import { afterAll, describe, expect, test } from "vitest";
import type { Method } from "../../src/engine/method.js";
import { vti } from "../../src/methods/vti.js";
import type { LocalModel } from "../../src/model/local-model.js";
import type { DtypeChoice } from "../../src/node/dtype-choice.js";
import { earlyExitEdit, earlyExitOutput } from "../../src/onnx/edits/early-exit.js";
import { fitDirections } from "../../src/vti/fit-directions.js";
import {
  largestDifference,
  openCheckpoint,
  openModel,
  picture,
  type Reference,
  readReference,
  requestOf,
} from "../checkpoints.js";
import { ids } from "../engine/asked.js";
import {
  directionLayers,
  expectGiven,
  expectSteered,
  steeredLogits,
  testAnswers,
  testMethods,
} from "./contract.js";

const NAMES = [
  "llava-concat",
  "llava-onevision-concat",
  "fastvlm-concat",
  "moondream1-concat",
] as const;

/** How far logits may be from PyTorch's in 32 bits; 4-bit weights hold the references' exactly. */
const EXACT = 1e-3;
/** float16 rounds activations, and keeps its cache in 16 bits. */
const HALF = 5e-2;
const Q4: DtypeChoice = { decoder_model_merged: "q4" };
const HALF_DECODER: DtypeChoice = { embed_tokens: "fp16", decoder_model_merged: "fp16" };

const CHECKPOINTS: readonly (readonly [string, string, DtypeChoice, number])[] = [
  ...NAMES.map((name) => [name, "32 bits", "fp32", EXACT] as const),
  ...NAMES.map((name) => [name, "4 bits", Q4, EXACT] as const),
  ...NAMES.map((name) => [name, "float16", HALF_DECODER, HALF] as const),
];

describe.each(NAMES)("what %s is given", async (name) => {
  const reference = readReference(name);
  const backend = await openCheckpoint(name);
  afterAll(() => backend.release());

  test.each(Object.entries(reference.cases))("is what Python's processor makes: %s", (_, made) =>
    expectGiven(backend, reference, made),
  );
});

describe.each(CHECKPOINTS)("%s in %s", async (name, _, dtype, tolerance) => {
  const reference = readReference(name);
  const model = await openModel(name, dtype);
  afterAll(() => model.dispose());
  const request = (key: string) => requestOf(reference, reference.cases[key]!);

  testAnswers(model, reference, tolerance);
  testMethods(model, request("two images"), ({ tokens }) => tokens);

  test("is steered; by next to nothing, it answers as before to the bit", async () => {
    const seesSquares = name !== "fastvlm-concat";
    const directions = {
      modelHash: await model.hash(),
      text: directionLayers(2, 1),
      ...(seesSquares ? { image: directionLayers(1, 16 + (name === "llava-concat" ? 1 : 0)) } : {}),
      facts: {},
    };
    const logits = steeredLogits(model, directions, request("two images"));
    await expectSteered(logits, seesSquares ? ["text", "image"] : ["text"]);
  });

  test("an exit behind the last layer gives the logits themselves, one before it others", async () => {
    const edit = earlyExitEdit([1, 2]);
    const seen: Float32Array[][] = [];
    const method: Method = {
      name: "exits",
      settings: {},
      needs: { edits: [edit] },
      start: ({ view }) => ({
        streams: [{ view, edits: [{ edit, strength: 1 }] }],
        scores([output]) {
          const { logits, readings } = output!;
          const exits = [1, 2].map((layer) => readings![earlyExitOutput(layer)] as Float32Array);
          seen.push([logits, ...exits].map((row) => row.slice()));
          return logits;
        },
      }),
    };
    const answer = await model.generate({ ...request("one image"), method });
    expect(ids(answer)).toEqual(reference.cases["one image"]!.greedy);
    for (const [logits, early, last] of seen) {
      expect(largestDifference(last!, logits!)).toBeLessThan(tolerance);
      expect(largestDifference(early!, logits!)).toBeGreaterThan(0.1);
    }
  });
});

describe("directions", () => {
  /** Fits on four demonstrations, and steers by them. */
  async function fitted(model: LocalModel, reference: Reference, parts: "both" | "text") {
    const demonstrations = [0, 1, 2, 3].map((i) => ({
      image: picture({ ...reference.images[i % 2]!, c: 20 * i + 10 }),
      prompt: "What is in the image?",
      caption: `A dog and ${i}.`,
      hallucinated: `A cat and ${i}.`,
    }));
    const directions = await fitDirections(model, demonstrations, {
      parts,
      ...(parts === "both" ? { maskings: 2 } : {}),
    });
    const answer = await model.generate({
      ...requestOf(reference, reference.cases["one image"]!),
      method: vti({ directions, image: parts === "both" ? 20 : 0, text: 20 }),
    });
    expect(ids(answer)).not.toEqual(reference.cases["one image"]!.greedy);
    return directions;
  }

  test.each(["llava-concat", "llava-onevision-concat"])(
    "are fitted for tower and decoder: %s",
    async (name) => {
      await using model = await openModel(name);
      const { image, text } = await fitted(model, readReference(name), "both");
      const positions = name === "llava-concat" ? 17 : 16;
      expect(image).toMatchObject({ layers: 1, positions, width: 32 });
      expect(text).toMatchObject({ layers: 2, positions: 1, width: 32 });
    },
  );

  test.each(["fastvlm-concat", "moondream1-concat"])(
    "are fitted for the text alone where config.json does not tell the tower's patches: %s",
    async (name) => {
      await using model = await openModel(name);
      const reference = readReference(name);
      await expect(fitted(model, reference, "both")).rejects.toMatchObject({
        code: "UNSUPPORTED_CAPABILITY",
        message: expect.stringContaining("does not tell vision_config.patch_size"),
      });
      expect((await fitted(model, reference, "text")).image).toBeUndefined();
    },
  );
});
