/** What every family's tiny checkpoint is held to: Python's inputs, PyTorch's answers, methods, steering. */
import { expect, test } from "vitest";
import type { OnnxBackend } from "../../src/backends/onnx/backend.js";
import type { Answer } from "../../src/engine/answer.js";
import type { LayerDirections, SteeringDirections } from "../../src/engine/directions.js";
import type { Method } from "../../src/engine/method.js";
import type { GenerateRequest } from "../../src/engine/request.js";
import { averaging } from "../../src/methods/averaging.js";
import { ritual } from "../../src/methods/ritual.js";
import { vcd } from "../../src/methods/vcd.js";
import { vdd } from "../../src/methods/vdd.js";
import { vdgd } from "../../src/methods/vdgd.js";
import type { LocalModel } from "../../src/model/local-model.js";
import type { Demonstration } from "../../src/vti/fit-options.js";
import {
  largestDifference,
  layOutCase,
  listening,
  picture,
  type RecordedCase,
  type Reference,
  recorded,
  requestOf,
} from "../checkpoints.js";
import { ids } from "../engine/asked.js";

/** How a family's inputs may differ from those of most. */
export interface GivenOptions {
  /** The position behind the prompt; the number of its tokens by default. */
  readonly next?: number;
  /** What Python calls an input of the vision graph; its own name by default. */
  readonly nameOf?: (input: string) => string;
}

/** Compares what a backend makes of a case, its images included, with what Python's processor made of it. */
export async function expectGiven(
  backend: OnnxBackend,
  reference: Reference,
  made: RecordedCase,
  { next = made.tokens.length, nameOf = (input) => input }: GivenOptions = {},
): Promise<void> {
  const { prompt, images } = await layOutCase(backend, reference, made);
  expect(prompt.tokens).toEqual(made.tokens);
  expect(prompt.positions.planes.map((plane) => [...plane])).toEqual(made.positions);
  expect(prompt.positions.next).toBe(next);
  const inputs = await Promise.all(
    images.map(async (image) => {
      const { pixels, toInput = (same) => same, pixelsInput, inputs } = await image.process();
      const all = Object.entries({ [pixelsInput]: toInput(pixels), ...inputs });
      return Object.fromEntries(all.map(([input, data]) => [nameOf(input), recorded(data)]));
    }),
  );
  expect(inputs).toEqual(made.vision);
}

/** Tests that a model has PyTorch's logits behind each prompt, to a tolerance, and its tokens, alone and in batches. */
export function testAnswers(model: LocalModel, reference: Reference, tolerance: number): void {
  const cases = Object.entries(reference.cases);

  test.each(cases)("has PyTorch's logits and greedy tokens: %s", async (_, made) => {
    const steps: Float32Array[] = [];
    const request = requestOf(reference, made);
    const answer = await model.generate({ ...request, method: listening(steps) });
    expect(largestDifference(steps[0]!, made.logits)).toBeLessThan(tolerance);
    expect(ids(answer)).toEqual(made.greedy);
  });

  test("answers requests of unequal lengths together as PyTorch does", async () => {
    await expectBatch(model, reference);
    const all = await model.generateBatch(cases.map(([, made]) => requestOf(reference, made)));
    expect(all.map(ids)).toEqual(cases.map(([, made]) => made.greedy));
  });
}

/** Compares the answers to the recorded batch with PyTorch's. */
export async function expectBatch(model: LocalModel, reference: Reference): Promise<void> {
  const { rows, greedy } = reference.batch;
  const requests = rows.map((row) => requestOf(reference, reference.cases[row]!));
  expect((await model.generateBatch(requests)).map(ids)).toEqual(greedy);
}

const METHODS: readonly (readonly [string, Method])[] = [
  ["vcd", vcd()],
  ["averaging", averaging({ copies: 2 })],
  ["vdgd", vdgd({ descriptionTokens: 16 })],
  // A picture of another size, and with it another number of image tokens in some families.
  ["ritual, cropping", ritual({ transform: "crop", alpha: 0.3 })],
  ["vdd", vdd()],
];

/**
 * Tests that methods run, and answer otherwise than none.
 *
 * @param of what of an answer differs: its ids, or at least the probabilities of its tokens
 */
export function testMethods(
  model: LocalModel,
  request: GenerateRequest,
  of: (answer: Answer) => unknown,
): void {
  test.each(METHODS)("runs %s", async (_, method) => {
    const plain = await model.generate(request);
    const answer = await model.generate({ ...request, method });
    expect(answer.tokens.length).toBeGreaterThan(0);
    expect(of(answer)).not.toEqual(of(plain));
  });
}

/** Directions for some layers and positions. */
export function directionLayers(layers: number, positions = 1, width = 32): LayerDirections {
  const data = Float32Array.from({ length: layers * positions * width }, (_, i) => Math.sin(i + 1));
  return { layers, positions, width, data };
}

/** Strengths of steering. */
export interface Strengths {
  readonly image: number;
  readonly text: number;
}

/** Logits at each step of an answer that is steered, by strength. */
export function steeredLogits(
  model: LocalModel,
  directions: SteeringDirections,
  request: GenerateRequest,
): (strengths: Strengths) => Promise<number[][]> {
  return async (strengths) => {
    const steered = await model.steer(directions, strengths);
    const steps: Float32Array[] = [];
    await steered.generate({ ...request, method: listening(steps) });
    return steps.map((step) => [...step]);
  };
}

/** Expects that directions steer, and by next to nothing change no bit. */
export async function expectSteered(
  logits: (strengths: Strengths) => Promise<number[][]>,
  parts: readonly (keyof Strengths)[] = ["text", "image"],
): Promise<void> {
  const still = { image: 0, text: 0 };
  const before = await logits(still);
  for (const part of parts) {
    expect(await logits({ ...still, [part]: 1e-30 })).toEqual(before);
    expect((await logits({ ...still, [part]: 5 }))[0]).not.toEqual(before[0]);
  }
}

/** What directions are fitted on: four pictures of the reference in other colours. */
export function demonstrationsOf({ images }: Reference): Demonstration[] {
  return Array.from({ length: 4 }, (_, i) => ({
    image: picture({ ...images[i % 2]!, c: 20 * i + 10 }),
    prompt: "What is in the image?",
    caption: `a dog and ${i}`,
    hallucinated: `a fork and ${i}`,
  }));
}
