import { type RawImage, Tensor } from "@huggingface/transformers";
import { afterAll, describe, expect, test } from "vitest";
import type { Method } from "../../src/engine/method.js";
import { InvalidArgumentError, ModelLoadError } from "../../src/errors.js";
import { familyOf } from "../../src/families/registry.js";
import { averaging } from "../../src/methods/averaging.js";
import { vcd } from "../../src/methods/vcd.js";
import { vdgd } from "../../src/methods/vdgd.js";
import { fitDirections } from "../../src/vti/fit-directions.js";
import {
  FOUR_BITS,
  largestDifference,
  layOutCase,
  listening,
  openCheckpoint,
  openModel,
  type RecordedCase,
  readReference,
  requestOf,
} from "../checkpoints.js";
import { ids } from "../engine/asked.js";
import { leftPadded, openStock, rawImage, stockAnswers } from "../stock-batches.js";
import {
  demonstrationsOf,
  directionLayers,
  expectGiven,
  steeredLogits,
  testAnswers,
} from "./contract.js";

const NAMES = ["paligemma-concat"] as const;
/** Precisions, and how far logits may be from PyTorch's in 32 bits: float16 rounds activations and the cache. */
const PRECISIONS = [
  ["fp32", "fp32", 1e-3],
  ["4 bits", FOUR_BITS, 1e-3],
  ["fp16", "fp16", 5e-2],
] as const;
const TINY = NAMES.flatMap((name) => PRECISIONS.map((precision) => [name, ...precision] as const));

describe.each(NAMES)("what %s is given", async (name) => {
  const reference = readReference(name);
  const backend = await openCheckpoint(name);
  afterAll(() => backend.release());

  test.each(Object.entries(reference.cases))(
    "with %s is what Python's processor and model make",
    async (_, made) => {
      const next = made.positions[0]!.at(-1)! + 1;
      await expectGiven(backend, reference, made, { next });
      // A prefix LM's attention may look ahead: nothing of its prompts is shared.
      expect((await layOutCase(backend, reference, made)).prompt.prefixes).toEqual([]);
    },
  );
});

describe.each(TINY)("%s in %s", async (name, _, dtype, tolerance) => {
  const reference = readReference(name);
  const model = await openModel(name, dtype);
  afterAll(() => model.dispose());
  const request = (key: string) => requestOf(reference, reference.cases[key]!);
  const methods: readonly (readonly [string, Method])[] = [
    ["vcd", vcd({ alpha: 3 })],
    ["averaging", averaging({ copies: 2 })],
    ["vdgd", vdgd({ descriptionTokens: 16 })],
  ];

  testAnswers(model, reference, tolerance);

  test.each(methods)("runs %s", async (_, method) => {
    const answer = await model.generate({ ...request("two images"), method });
    expect(answer.tokens.length).toBeGreaterThan(0);
    if (method.name !== "vcd") return;
    expect(ids(answer)).not.toEqual(reference.cases["two images"]!.greedy);
  });

  test("is steered along fitted directions, and by next to nothing not at all, bit for bit", async () => {
    const directions = await fitDirections(model, demonstrationsOf(reference), { maskings: 2 });
    expect(directions.image).toMatchObject({ layers: 1, positions: 16, width: 32 });
    expect(directions.text).toMatchObject({ layers: 2, positions: 1, width: 32 });
    const logits = steeredLogits(model, directions, request("two images"));
    const before = await logits({ image: 0, text: 0 });
    expect(await logits({ image: 1e-30, text: 1e-30 })).toEqual(before);
    expect((await logits({ image: 0, text: 1 }))[0]).not.toEqual(before[0]);
    expect((await logits({ image: 1, text: 0 }))[0]).not.toEqual(before[0]);
  });

  test("is steered behind the norm of each MLP, as PyTorch is by a hook there", async () => {
    const { case: key, text, logits } = reference.steered!;
    const directions = {
      modelHash: await model.hash(),
      text: directionLayers(2),
      facts: {},
    };
    const steered = await model.steer(directions, { text });
    const steps: Float32Array[] = [];
    await steered.generate({ ...request(key), method: listening(steps) });
    expect(largestDifference(steps[0]!, logits)).toBeLessThan(tolerance);
    expect(largestDifference(steps[0]!, reference.cases[key]!.logits)).toBeGreaterThan(0.1);
  });
});

describe.each(NAMES)("%s in stock transformers.js", async (name) => {
  const reference = readReference(name);
  const backend = await openCheckpoint(name);
  const { processor, stock } = await openStock(name);
  afterAll(() => Promise.all([backend.release(), stock.dispose()]));
  const raw = (i: number) => rawImage(reference.images[i]!);
  /** What its own processor is asked. */
  const asked = async ({ turns }: RecordedCase, images: RawImage[]) => {
    const text = turns[0]!.parts.map((part) => ("image" in part ? "<image>" : part.text)).join("");
    return processor(images, text);
  };

  test.each(Object.entries(reference.cases))(
    "gives the same tokens to our inputs: %s",
    async (_, made) => {
      const { prompt, images } = await layOutCase(backend, reference, made);
      const processed = await Promise.all(images.map((image) => image.process()));
      const inputs: Record<string, Tensor> = leftPadded([prompt.tokens]);
      if (processed.length > 0) {
        const values = processed.flatMap(({ pixels }) => [...pixels.data]);
        const dims = [processed.length, ...processed[0]!.pixels.dims.slice(1)];
        inputs.pixel_values = new Tensor("float32", Float32Array.from(values), dims);
      }
      expect(await stockAnswers(stock, inputs, made.greedy.length)).toEqual([made.greedy]);
    },
  );

  test.each(["one image", "two images"])(
    "its own processor makes the prompt of PyTorch, and known bug: other pixels (%s)",
    async (key) => {
      const made = reference.cases[key]!;
      const shown = made.turns.flatMap(({ parts }) =>
        parts.flatMap((part) => ("image" in part ? [part.image] : [])),
      );
      const { input_ids: own, pixel_values: values } = await asked(made, shown.map(raw));
      expect([...(own.data as BigInt64Array)].map(Number)).toEqual(made.tokens);
      const { images } = await layOutCase(backend, reference, made);
      const ours = await Promise.all(images.map((image) => image.process()));
      const pixels = ours.flatMap((one) => [...one.pixels.data]);
      // It shrinks without averaging.
      expect(largestDifference(values.data as Float32Array, pixels)).toBeGreaterThan(0.1);
    },
  );
});

describe("what is refused", () => {
  test("the language model alone, by name", () => {
    expect(() => familyOf("gemma3_text")).toThrow(ModelLoadError);
    expect(() => familyOf("gemma3_text")).toThrow("without a vision_encoder");
  });

  test("conversations with PaliGemma, which knows none", async () => {
    const model = await openModel("paligemma-concat");
    try {
      const turns = [
        { role: "user", content: "Answer." },
        { role: "assistant", content: "Yes." },
        { role: "user", content: "Why?" },
      ] as const;
      const asking = model.generate({ turns });
      await expect(asking).rejects.toThrow(InvalidArgumentError);
      await expect(model.generate({ turns })).rejects.toThrow(
        "turns: received user, assistant, user; expected one of the user's",
      );
    } finally {
      await model.dispose();
    }
  });
});
