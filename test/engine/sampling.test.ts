import { describe, expect, test } from "vitest";
import { fakeModel } from "../../src/testing/fake-model.js";
import { dark, ids, image } from "./asked.js";

describe("sampling", () => {
  const sampled = { prompt: "Tell me", maxTokens: 20, temperature: 1 };

  test("a seed fixes the answer, another gives another", async () => {
    const model = fakeModel();
    const one = ids(await model.generate({ ...sampled, seed: 1 }));
    expect(ids(await fakeModel().generate({ ...sampled, seed: 1 }))).toEqual(one);
    expect(ids(await model.generate({ ...sampled, seed: 2 }))).not.toEqual(one);
  });

  test("draws are fixed by seed, images and texts of the conversation, and others for any other of them", async () => {
    // Equal logits after every context, so that answers differ by their draws alone.
    const model = fakeModel({ logits: () => new Float32Array(259).fill(0).fill(-99, 256) });
    const drawn = async (request: object) =>
      ids(await model.generate({ ...sampled, image, seed: 1, ...request })).join();
    const first = await drawn({});
    expect(await drawn({})).toBe(first);
    expect(await drawn({ topLogprobs: 3 })).toBe(first);
    const others = [
      await drawn({ seed: 2 }),
      await drawn({ seed: 1 + 2 ** 32 }),
      await drawn({ image: dark }),
      await drawn({ image: undefined }),
      await drawn({ prompt: "Tell me more" }),
    ];
    expect(new Set([first, ...others]).size).toBe(6);
  });

  test("top-k 1 and a tiny top-p are greedy", async () => {
    const model = fakeModel();
    const greedy = ids(await model.generate({ prompt: "Tell me", maxTokens: 20 }));
    expect(ids(await model.generate({ ...sampled, topK: 1 }))).toEqual(greedy);
    expect(ids(await model.generate({ ...sampled, topP: 1e-9 }))).toEqual(greedy);
  });

  test("a repetition penalty avoids what was said", async () => {
    const logits = () =>
      Float32Array.from({ length: 259 }, (_, id) => (id < 100 ? 5 - id / 100 : -5));
    const model = fakeModel({ logits });
    const plain = await model.generate({ prompt: "?", maxTokens: 5 });
    const penalised = await model.generate({ prompt: "?", maxTokens: 5, repetitionPenalty: 2 });
    expect(ids(plain)).toEqual([0, 0, 0, 0, 0]);
    expect(ids(penalised)).toEqual([0, 1, 2, 3, 4]);
  });
});
