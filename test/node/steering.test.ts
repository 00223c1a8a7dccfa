import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Answer,
  averaging,
  type Demonstration,
  decodeDirections,
  directionsId,
  encodeDirections,
  fitDirections,
  InvalidArgumentError,
  load,
  type Model,
  ShapeError,
  type SteeringDirections,
  vcd,
  vdgd,
} from "../../src/index.js";
import { CHECKPOINTS } from "../global-setup.js";

const pixels = (seed: number) => ({
  data: Uint8Array.from(
    { length: 20 * 20 * 3 },
    (_, i) => (i * 37 + seed * 101 + (i % 7) * seed) % 251,
  ),
  width: 20,
  height: 20,
  channels: 3 as const,
});
const demonstrations: Demonstration[] = Array.from({ length: 6 }, (_, i) => ({
  image: pixels(i),
  prompt: "Describe the image.",
  caption: `a dog and ${i}`,
  hallucinated: `a fork and ${i}`,
}));
const ask = { image: pixels(9), prompt: "Is there a dog?", maxTokens: 10 };
const ids = ({ tokens }: Answer) => tokens.map(({ id }) => id);
const logprobs = ({ tokens }: Answer) => tokens.map(({ logprob }) => logprob);

describe.each(["concat", "group-query"])("a checkpoint with %s attention", (attention) => {
  let model: Model;
  let directions: SteeringDirections;

  beforeAll(async () => {
    model = await load(CHECKPOINTS + attention, { threads: 1 });
    directions = await fitDirections(model, demonstrations, { maskings: 4 });
  });
  afterAll(() => model.dispose());

  test("is fitted: a direction per layer and image position, and per layer; the same each time", async () => {
    expect(directions.image).toMatchObject({ layers: 2, positions: 16, width: 96 });
    expect(directions.text).toMatchObject({ layers: 2, positions: 1, width: 96 });
    const again = await fitDirections(model, demonstrations, { maskings: 4 });
    expect(
      Buffer.from(encodeDirections(again)).equals(Buffer.from(encodeDirections(directions))),
    ).toBe(true);
  });

  test("steered with strength 0 answers as before, bit for bit", async () => {
    const stock = await model.generate(ask);
    const steered = await model.steer(directions, { image: 0, text: 0 });
    expect(logprobs(await steered.generate(ask))).toEqual(logprobs(stock));
    // A strength too small to change any number also runs through the patched graphs.
    const barely = await model.steer(directions, { image: 1e-30, text: 1e-30 });
    expect(logprobs(await barely.generate(ask))).toEqual(logprobs(stock));
  });

  test("is steered in image, text or both, and itself stays as it was", async () => {
    const before = await model.generate(ask);
    const [image, text, both] = await Promise.all([
      model.steer(directions, { image: 5 }),
      model.steer(directions, { text: 5 }),
      model.steer(directions, { image: 5, text: 5 }),
    ]);
    const answers = [
      before,
      await image.generate(ask),
      await text.generate(ask),
      await both.generate(ask),
    ];
    expect(new Set(answers.map((answer) => JSON.stringify(logprobs(answer)))).size).toBe(4);
    expect(logprobs(await model.generate(ask))).toEqual(logprobs(before));
    expect(before.method).toEqual({ name: "regular", settings: {} });
    const settings = { directions: directionsId(directions), image: 5, text: 5 };
    expect(answers.at(-1)!.method).toMatchObject({ name: "vti", settings });
    expect(both.info.steering).toEqual({ image: 5, text: 5 });
    expect(model.info.steering).toBeUndefined();
    expect(
      new Set([await model.hash(), await image.hash(), await text.hash(), await both.hash()]).size,
    ).toBe(4);
  });

  test("disposing of a steered handle leaves the others alone", async () => {
    const first = await model.steer(directions, { text: 1 });
    const second = await model.steer(directions, { text: 1 });
    const before = await second.generate(ask);
    await first.dispose();
    expect(ids(await second.generate(ask))).toEqual(ids(before));
    await expect(first.generate(ask)).rejects.toThrow("disposed");
  });

  test("steered, decodes several streams and requests at once as each alone, with any method", async () => {
    const steered = await model.steer(directions, { image: 3, text: 3 });
    const methods = [
      vcd(),
      vdgd({ descriptionTokens: 6 }),
      averaging({ copies: 2, method: vdgd({ descriptionTokens: 4 }) }),
    ];
    const requests = methods.map((method, i) => ({
      ...ask,
      prompt: `Question ${"x".repeat(i)}?`,
      method,
    }));
    const alone = [];
    for (const request of requests) alone.push(await steered.generate(request));
    const together = await steered.generateBatch(requests);
    expect(together.map(ids)).toEqual(alone.map(ids));
  });
});

describe("hidden states", () => {
  test.each(["concat", "group-query"])(
    "of a text are averaged over the answer's tokens and no others (%s)",
    async (attention) => {
      await using model = await load(CHECKPOINTS + attention, { threads: 1 });
      const probe = await model.probe();
      // The decoder looks back only: the state at a token is the last one of the text that ends there.
      const ends = ["", "x", "xz", "xzq"];
      const states = await Promise.all(
        ends.map((text) => probe.textStates("Describe the image.", text, pixels(3))),
      );
      const pooled = await probe.textStates("Describe the image.", "xzq", pixels(3), "mean");
      expect(pooled).toMatchObject({ layers: 3, width: 96 });
      const gap = pooled.states.map((value, i) =>
        Math.abs(value - states.reduce((sum, one) => sum + one.states[i]!, 0) / ends.length),
      );
      expect(Math.max(...gap)).toBeLessThan(1e-4);
      await probe.dispose();
    },
  );

  test("of a steered handle are those of the steered graphs, in tower and decoder", async () => {
    await using model = await load(`${CHECKPOINTS}concat`, { threads: 1 });
    const directions = await fitDirections(model, demonstrations, { maskings: 1 });
    const read = async (handle: Model) => {
      const probe = await handle.probe();
      const image = await probe.visionStates(await probe.pixels(pixels(3)));
      const text = await probe.textStates("Describe the image.", "a dog", pixels(3));
      await probe.dispose();
      return { image: image.states, text: text.states };
    };
    const gap = (a: Float32Array, b: Float32Array) =>
      Math.max(...a.map((x, i) => Math.abs(x - b[i]!)));
    const stock = await read(model);
    const still = await read(await model.steer(directions, { image: 0, text: 0 }));
    const tower = await read(await model.steer(directions, { image: 3 }));
    const decoder = await read(await model.steer(directions, { text: 3 }));
    expect(still).toEqual(stock);
    expect(gap(tower.image.at(-1)!, stock.image.at(-1)!)).toBeGreaterThan(0.01);
    // The decoder reads what the steered tower sees, and its own layers are as they were.
    expect(gap(tower.text, stock.text)).toBeGreaterThan(1e-4);
    expect(decoder.image).toEqual(stock.image);
    expect(gap(decoder.text, stock.text)).toBeGreaterThan(0.01);
  });
});

describe("directions that do not fit are refused", () => {
  let model: Model;
  let directions: SteeringDirections;
  beforeAll(async () => {
    model = await load(`${CHECKPOINTS}concat`, { threads: 1 });
    directions = await fitDirections(model, demonstrations, { maskings: 1 });
  });
  afterAll(() => model.dispose());

  test("of another model", async () => {
    const other = await load(`${CHECKPOINTS}group-query`, { threads: 1 });
    await expect(other.steer(directions, { text: 1 })).rejects.toThrow(InvalidArgumentError);
    await expect(other.steer(directions, { text: 1 })).rejects.toThrow(
      /fitted on a model with hash/,
    );
    await other.dispose();
  });

  test("of another shape, or without the part that is asked for", async () => {
    const { text } = directions;
    const short = {
      ...directions,
      text: { ...text!, layers: 1, data: text!.data.subarray(0, 96) },
    };
    await expect(model.steer(short, { text: 1 })).rejects.toThrow(ShapeError);
    const { image: _, ...textOnly } = decodeDirections(encodeDirections(directions));
    await expect(model.steer(textOnly, { image: 1 })).rejects.toThrow("have none for it");
    await expect(model.steer(directions, { text: Number.NaN })).rejects.toThrow(
      "text: received NaN",
    );
  });
});
