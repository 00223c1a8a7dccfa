import { afterAll, describe, expect, test } from "vitest";
import type { Method } from "../../src/engine/method.js";
import { InvalidArgumentError, ModelLoadError } from "../../src/errors.js";
import { familyOf } from "../../src/families/registry.js";
import { averaging } from "../../src/methods/averaging.js";
import { vcd } from "../../src/methods/vcd.js";
import { vdgd } from "../../src/methods/vdgd.js";
import { graphDtypes } from "../../src/node/dtype-choice.js";
import { fitDirections } from "../../src/vti/fit-directions.js";
import {
  FOUR_BITS,
  largestDifference,
  layOutCase,
  listening,
  openCheckpoint,
  openModel,
  readReference,
  requestOf,
} from "../checkpoints.js";
import { ids } from "../engine/asked.js";
import {
  demonstrationsOf,
  directionLayers,
  expectGiven,
  expectSteered,
  steeredLogits,
  testAnswers,
} from "./contract.js";

/** Checkpoints, with the number of their decoder's layers. */
const LAYERS = { "gemma3-gqa": 3, "paligemma-concat": 2 } as const;
const NAMES = ["gemma3-gqa", "paligemma-concat"] as const;
/** Precisions, and how far logits may be from PyTorch's in 32 bits: float16 rounds activations and the cache. */
const PRECISIONS = [
  ["fp32", "fp32", 1e-3],
  ["4 bits", FOUR_BITS, 1e-3],
  ["fp16", "fp16", 5e-2],
] as const;
const TINY = NAMES.flatMap((name) =>
  PRECISIONS.map(([what, dtype, tolerance]) => {
    const { decoder_model_merged: decoder } = graphDtypes(dtype);
    const own = name === "gemma3-gqa" ? { decoder_model_merged: decoder } : dtype;
    return [name, what, own, tolerance] as const;
  }),
);

describe.each(NAMES)("what %s is given", async (name) => {
  const reference = readReference(name);
  const backend = await openCheckpoint(name);
  afterAll(() => backend.release());

  test.each(Object.entries(reference.cases))(
    "with %s is what Python's processor and model make",
    async (_, made) => {
      const next = made.positions[0]!.at(-1)! + 1;
      await expectGiven(backend, reference, made, { next });
      const { prompt, images } = await layOutCase(backend, reference, made);
      // A prefix LM's attention may look ahead: nothing of its prompts is shared.
      expect(prompt.prefixes.length > 0).toBe(name === "gemma3-gqa" && images.length > 0);
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
    expect(directions.text).toMatchObject({ layers: LAYERS[name], positions: 1, width: 32 });
    await expectSteered(steeredLogits(model, directions, request("two images")));
  });

  test("is steered behind the norm of each MLP, as PyTorch is by a hook there", async () => {
    const { case: key, text, logits } = reference.steered!;
    const directions = {
      modelHash: await model.hash(),
      text: directionLayers(LAYERS[name]),
      facts: {},
    };
    const steered = await model.steer(directions, { text });
    const steps: Float32Array[] = [];
    await steered.generate({ ...request(key), method: listening(steps) });
    expect(largestDifference(steps[0]!, logits)).toBeLessThan(tolerance);
    expect(largestDifference(steps[0]!, reference.cases[key]!.logits)).toBeGreaterThan(0.1);
  });
});

test("PaliGemma's image token is Python's where config.json names none", () => {
  const asked: number[] = [];
  familyOf("paligemma").configure({
    config: { text_config: {} },
    tokenText(id) {
      asked.push(id);
      return "<image>";
    },
  });
  expect(asked).toEqual([256_000]);
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
