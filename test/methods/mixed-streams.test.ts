import { expect, test } from "vitest";
import type { Method } from "../../src/engine/method.js";
import type { GenerateRequest } from "../../src/engine/request.js";
import { withoutImages } from "../../src/engine/view.js";
import { contrast } from "../../src/methods/contrast.js";
import { contextLogits } from "../../src/testing/fake-model.js";
import { type FakeToken, IMAGE_TOKEN_ID } from "../../src/testing/fake-tokens.js";
import { fakeOnnxModel } from "../backends/fake-onnx.js";
import { CACHES, ids, image } from "../engine/asked.js";

/** The method of examples/own-method.ts: the image against no image at all. */
const imageFree: Method = {
  name: "image-free",
  settings: {},
  needs: { image: true },
  start: ({ view }) => ({
    streams: [{ view }, { view: withoutImages(view) }],
    scores: ([seen, blind]) => contrast(seen!.logits, blind!.logits, 0.5, 0.1),
  }),
};

const ask = { image, prompt: "Is it?", maxTokens: 8, method: imageFree };

test("a text-only stream beside an image stream: same text, no image, and scores of both", async () => {
  const contexts: (readonly FakeToken[])[] = [];
  const model = fakeOnnxModel({
    logits(context) {
      contexts.push(context);
      return contextLogits(context, undefined);
    },
  });
  const { tokens, usage } = await model.generate(ask);
  expect(usage).toMatchObject({ imageTokens: 4, promptTokens: 5 + "Is it?\nMODEL:".length });
  // The first context is the beginning with the image; then two at a step.
  expect(contexts).toHaveLength(1 + 2 * tokens.length);
  for (const [i, token] of tokens.entries()) {
    const [seen, blind] = contexts.slice(1 + 2 * i, 3 + 2 * i) as [FakeToken[], FakeToken[]];
    const texts = [seen, blind].map((context) =>
      context.filter(({ id }) => id !== IMAGE_TOKEN_ID).map(({ id }) => id),
    );
    expect(texts[0]).toEqual(texts[1]);
    expect(seen.length - blind.length).toBe(4);
    expect(blind.map(({ position }) => position)).toEqual([...blind.keys()]);
    const [l, other] = [seen, blind].map((context) => contextLogits(context, undefined));
    const cutoff = Math.log(0.1) + Math.max(...l!);
    const scores = l!.map((x, k) =>
      x < cutoff ? Number.NEGATIVE_INFINITY : 1.5 * x - 0.5 * other![k]!,
    );
    expect(token.id).toBe(scores.indexOf(Math.max(...scores)));
  }
});

test.each(CACHES)(
  "in a batch it is answered as alone: $pastLayout, new rows $returnsNewRows",
  async (cache) => {
    const requests: GenerateRequest[] = [
      ask,
      { prompt: "Hello", maxTokens: 12 },
      { ...ask, prompt: "What is left of the tree?" },
    ];
    const alone: number[][] = [];
    for (const request of requests)
      alone.push(ids(await fakeOnnxModel({ cache }).generate(request)));
    expect((await fakeOnnxModel({ cache }).generateBatch(requests)).map(ids)).toEqual(alone);
  },
);
