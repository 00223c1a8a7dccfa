import { describe, expect, test } from "vitest";
import type { Method } from "../../src/engine/method.js";
import type { GenerateRequest } from "../../src/engine/request.js";
import type { StepOutputs } from "../../src/engine/step.js";
import { askAboutImages } from "../../src/engine/view.js";
import { AbortedError, InferenceError, InvalidArgumentError } from "../../src/errors.js";
import { apc } from "../../src/methods/apc.js";
import { regular } from "../../src/methods/regular.js";
import { vcd } from "../../src/methods/vcd.js";
import { fakeModel } from "../../src/testing/fake-model.js";
import type { FakeCache } from "../backends/fake-decoder.js";
import { fakeOnnxModel } from "../backends/fake-onnx.js";

const image = { data: Uint8Array.of(10, 200, 90), width: 1, height: 1, channels: 3 } as const;
const ids = (answer: { tokens: readonly { id: number }[] }) => answer.tokens.map(({ id }) => id);

const CACHES: readonly FakeCache[] = (["masked", "counted", "exact"] as const).flatMap(
  (pastLayout) => [
    { pastLayout, returnsNewRows: true },
    { pastLayout, returnsNewRows: false },
  ],
);

/** Requests of unequal lengths, methods and images, some without image. */
const REQUESTS: readonly GenerateRequest[] = [
  { prompt: "Is there a dog?", image, maxTokens: 12 },
  {
    prompt: "What is left of the large tree in this image?",
    image,
    maxTokens: 7,
    method: vcd({ alpha: 2 }),
  },
  { prompt: "Hello", maxTokens: 20 },
  { prompt: "Is there a dog?", image, maxTokens: 40, method: apc(), temperature: 1, seed: 3 },
  {
    prompt: "Is there a dog?",
    image: { ...image, data: Uint8Array.of(0, 0, 0) },
    maxTokens: 9,
    method: vcd(),
  },
];

describe("batches", () => {
  test.each(CACHES)(
    "give each request the tokens it gets alone: $pastLayout, new rows $returnsNewRows",
    async (cache) => {
      const alone = [];
      for (const request of REQUESTS) alone.push(await fakeOnnxModel({ cache }).generate(request));
      const together = await fakeOnnxModel({ cache }).generateBatch(REQUESTS);
      expect(together.map(ids)).toEqual(alone.map(ids));
      expect(together.map(({ text }) => text)).toEqual(alone.map(({ text }) => text));
    },
  );

  test("give the same tokens whatever the layout of the cache", async () => {
    const [first, ...others] = await Promise.all(
      CACHES.map(async (cache) =>
        (await fakeOnnxModel({ cache }).generateBatch(REQUESTS)).map(ids),
      ),
    );
    for (const other of others) expect(other).toEqual(first);
  });

  test("split by maxStreams give the same answers, each reported once", async () => {
    const whole = await fakeModel().generateBatch(REQUESTS);
    for (const maxStreams of [1, 2, 3, 7]) {
      const reported: number[] = [];
      const split = await fakeModel().generateBatch(REQUESTS, {
        maxStreams,
        onAnswer: (_, index) => reported.push(index),
      });
      expect(split.map(ids)).toEqual(whole.map(ids));
      expect(reported.sort()).toEqual([0, 1, 2, 3, 4]);
    }
  });

  test("are refused as a whole, with the place, when one request is invalid", async () => {
    const model = fakeModel();
    await expect(model.generateBatch([{ prompt: "a" }, { prompt: " " }])).rejects.toThrow(
      "request 1: prompt",
    );
  });

  test("let the others finish when one fails", async () => {
    const model = fakeModel({ contextLength: 60 });
    const answered: number[] = [];
    const batch = model.generateBatch(
      [{ prompt: "a" }, { prompt: "b".repeat(80) }, { prompt: "c" }],
      {
        onAnswer: (_, index) => answered.push(index),
      },
    );
    await expect(batch).rejects.toThrow(/request 1: .*received 88 tokens.*expected at most 59/);
    expect(answered).toEqual([0, 2]);
  });
});

describe("text and tokens", () => {
  test("a scripted answer comes back, ends with the end token, and is counted", async () => {
    const model = fakeModel({ respond: () => " Yes, a dog." });
    const answer = await model.generate({ prompt: "Is there a dog?", image });
    expect(answer).toMatchObject({
      text: "Yes, a dog.",
      finishReason: "eos",
      seed: 0,
      details: {},
    });
    expect(answer.usage).toEqual({
      promptTokens: 1 + 4 + 15 + 7,
      imageTokens: 4,
      generatedTokens: 12,
    });
    expect(answer.method).toEqual({ name: "regular", settings: {} });
    expect(answer.timings.totalMs).toBeGreaterThan(0);
  });

  test("an answer that ends at once is empty", async () => {
    const answer = await fakeModel({ respond: () => "" }).generate({ prompt: "?" });
    expect(answer).toMatchObject({ text: "", tokens: [], finishReason: "eos" });
    expect(answer.timings.msPerToken).toBeNull();
  });

  test("streamed pieces never split a character, and joined they are the text", async () => {
    const text = "Grüße 🦊🇫🇷 – 日本語 ok";
    const stream = fakeModel({ respond: () => text }).stream({ prompt: "?" });
    const pieces: string[] = [];
    for await (const { text: piece } of stream) pieces.push(piece);
    expect(pieces.join("")).toBe(text);
    expect(pieces.every((piece) => !piece.includes("\uFFFD"))).toBe(true);
    expect((await stream.answer).text).toBe(text);
    expect(pieces.filter((piece) => piece !== "").length).toBeGreaterThan(15);
  });

  test("an answer cut inside a character still streams to its full text", async () => {
    const stream = fakeModel({ respond: () => "a🦊" }).stream({ prompt: "?", maxTokens: 3 });
    let text = "";
    for await (const piece of stream) text += piece.text;
    expect(text.startsWith("a\uFFFD")).toBe(true);
    expect((await stream.answer).text).toBe(text);
  });

  test("stop texts end the answer, across tokens, and are neither shown nor streamed", async () => {
    const stream = fakeModel({ respond: () => "one. two. three" }).stream({
      prompt: "?",
      stop: ["wo. t", "xyz"],
    });
    let text = "";
    for await (const piece of stream) text += piece.text;
    const answer = await stream.answer;
    expect(answer).toMatchObject({ text: "one. t", finishReason: "stop" });
    expect(text).toBe("one. t");
  });

  test("text that only looked like a stop is given back at the end", async () => {
    const stream = fakeModel({ respond: () => "a ##" }).stream({ prompt: "?", stop: ["###"] });
    let text = "";
    for await (const piece of stream) text += piece.text;
    expect(text).toBe("a ##");
  });

  test("the context bounds the answer", async () => {
    const answer = await fakeModel({ contextLength: 20, respond: () => "z".repeat(50) }).generate({
      prompt: "hello",
    });
    expect(answer.finishReason).toBe("length");
    expect(answer.usage.promptTokens + answer.usage.generatedTokens).toBe(20);
  });

  test("alternatives are sorted log-probabilities that hold the chosen token", async () => {
    const { tokens } = await fakeModel().generate({ prompt: "?", maxTokens: 5, topLogprobs: 4 });
    for (const { id, logprob, top } of tokens) {
      expect(top).toHaveLength(4);
      expect(top![0]).toMatchObject({ id, logprob });
      const logprobs = top!.map((token) => token.logprob!);
      expect([...logprobs].sort((a, b) => b - a)).toEqual(logprobs);
      expect(logprobs.reduce((sum, value) => sum + Math.exp(value), 0)).toBeLessThanOrEqual(1);
    }
  });
});

describe("sampling", () => {
  const sampled = { prompt: "Tell me", maxTokens: 20, temperature: 1 };

  test("a seed fixes the answer; another seed, image or prompt gives another", async () => {
    const model = fakeModel();
    const one = ids(await model.generate({ ...sampled, seed: 1 }));
    expect(ids(await fakeModel().generate({ ...sampled, seed: 1 }))).toEqual(one);
    expect(ids(await model.generate({ ...sampled, seed: 2 }))).not.toEqual(one);
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

describe("methods", () => {
  const request = { prompt: "What is this?", image, maxTokens: 24 };

  test("vcd with alpha 0 and a tiny beta is regular", async () => {
    const plain = ids(await fakeModel().generate({ ...request, method: regular() }));
    expect(
      ids(await fakeModel().generate({ ...request, method: vcd({ alpha: 0, beta: 1e-30 }) })),
    ).toEqual(plain);
  });

  test("vcd against the image itself is apc, sampled with the same seed", async () => {
    const same = {
      ...vcd({ alpha: 1.7, beta: 0.3 }),
      start: async (run: Parameters<ReturnType<typeof vcd>["start"]>[0]) => {
        const session = await vcd({ alpha: 1.7, beta: 0.3 }).start(run);
        return { ...session, streams: [session.streams[0], session.streams[0]] as const };
      },
    };
    const sampled = { ...request, temperature: 1, seed: 5 };
    const expected = ids(await fakeModel().generate({ ...sampled, method: apc({ beta: 0.3 }) }));
    expect(ids(await fakeModel().generate({ ...sampled, method: same }))).toEqual(expected);
  });

  test("vcd sees a noisy image in its second stream, the same for all tokens and questions of a seed", async () => {
    const model = fakeModel();
    const noisy = ids(
      await model.generate({ ...request, method: vcd({ noiseStep: 999, alpha: 3, beta: 0 }) }),
    );
    const again = ids(
      await fakeModel().generate({
        ...request,
        method: vcd({ noiseStep: 999, alpha: 3, beta: 0 }),
      }),
    );
    expect(again).toEqual(noisy);
    expect(ids(await model.generate(request))).not.toEqual(noisy);
  });

  test("a method may decode first, remember and note", async () => {
    let described = 0;
    const positions: number[] = [];
    const grounded = {
      name: "grounded",
      settings: {},
      needs: { image: true } as const,
      async start(run: Parameters<ReturnType<typeof vcd>["start"]>[0]) {
        const make = async () => {
          described++;
          return run.generate(
            { view: askAboutImages(run.view, "Describe.") },
            { maxTokens: 20, onPosition: (_, token) => positions.push(token) },
          );
        };
        const description = await run.remember("description", make, ({ text }) => text.length);
        run.note("description", description.text);
        return {
          streams: [
            { view: askAboutImages(run.view, `${description.text} ${run.prompt}`) },
          ] as const,
        };
      },
    };
    const model = fakeModel({
      respond: ({ prompt }) => (prompt === "Describe." ? "A cat." : `<${prompt}>`),
    });
    const first = await model.generate({ ...request, method: grounded });
    await model.generate({ ...request, method: grounded });
    expect(first.text).toBe("<A cat. What is this?>");
    expect(first.details).toEqual({ description: "A cat." });
    expect(described).toBe(1);
    expect(positions).toEqual([..."A cat."].map((c) => c.charCodeAt(0)).concat(257));
  });

  test("a method that needs an image is refused without one", async () => {
    await expect(fakeModel().generate({ prompt: "?", method: vcd() })).rejects.toThrow(
      "vcd needs an image",
    );
  });
});

describe("failures", () => {
  test("NaN logits name token and position", async () => {
    const logits = (context: readonly unknown[]) => {
      const row = new Float32Array(259);
      if (context.length > 11) row[7] = Number.NaN;
      return row;
    };
    const answer = fakeModel({ logits }).generate({ prompt: "?", maxTokens: 9 });
    await expect(answer).rejects.toThrow(InferenceError);
    await expect(answer).rejects.toThrow("NaN as the logit of token 7 at answer position 3");
  });

  test.each([0, 1])(
    "a method that excludes every token is an error (temperature %d)",
    async (temperature) => {
      const nothing = {
        ...regular(),
        start: (run: Parameters<Method["start"]>[0]) => ({
          streams: [{ view: run.view }] as const,
          scores: ([output]: readonly StepOutputs[]) =>
            output!.logits.fill(Number.NEGATIVE_INFINITY),
        }),
      };
      const answer = fakeModel().generate({ prompt: "?", method: nothing, temperature });
      await expect(answer).rejects.toThrow("exclude every token");
    },
  );

  test("an abort stops within one token", async () => {
    const abort = new AbortController();
    const stream = fakeModel({ respond: () => "abcdefghij" }).stream({
      prompt: "?",
      signal: abort.signal,
    });
    const seen: string[] = [];
    const iterate = async () => {
      for await (const { text } of stream) {
        seen.push(text);
        if (seen.length === 2) abort.abort();
      }
    };
    await expect(iterate()).rejects.toThrow(AbortedError);
    expect(seen.length).toBeLessThanOrEqual(3);
    await expect(stream.answer).rejects.toThrow(/aborted after [23] tokens/);
  });

  test("an abort of one request leaves the rest of its batch alone", async () => {
    const answered: number[] = [];
    const batch = fakeModel({ respond: () => "abc" }).generateBatch(
      [{ prompt: "a", signal: AbortSignal.abort() }, { prompt: "b" }],
      { onAnswer: (_, index) => answered.push(index) },
    );
    await expect(batch).rejects.toThrow(AbortedError);
    expect(answered).toEqual([1]);
  });

  test("leaving the loop of a stream aborts it", async () => {
    const stream = fakeModel({ respond: () => "x".repeat(60) }).stream({ prompt: "?" });
    for await (const _ of stream) break;
    await expect(stream.answer).rejects.toThrow(AbortedError);
  });

  test.each([
    [{ prompt: "" }, "prompt: received an empty text"],
    [{ prompt: "see <image> here" }, "image token <image>"],
    [{ prompt: "?", maxTokens: 0 }, "maxTokens: received 0"],
    [{ prompt: "?", temperature: -1 }, "temperature: received -1"],
    [{ prompt: "?", topP: 0 }, "topP: received 0; expected a number above 0 and at most 1"],
    [{ prompt: "?", topK: 1.5 }, "topK: received 1.5"],
    [{ prompt: "?", seed: -3 }, "seed: received -3"],
    [{ prompt: "?", topLogprobs: 101 }, "topLogprobs: received 101"],
    [{ prompt: "?", stop: [""] }, "stop: expected"],
    [{ prompt: "?", max_tokens: 3 }, "unknown option 'max_tokens'; did you mean maxTokens?"],
    [{ prompt: "?", numBeams: 4 }, "unknown option 'numBeams'"],
    [{ prompt: "?", method: "vcd" }, 'method: received "vcd"'],
  ])("%j is refused", async (request, message) => {
    const answer = fakeModel().generate(request as unknown as GenerateRequest);
    await expect(answer).rejects.toThrow(InvalidArgumentError);
    await expect(answer).rejects.toThrow(message);
  });

  test("a disposed model says so", async () => {
    const model = fakeModel();
    await model.dispose();
    await model.dispose();
    await expect(model.generate({ prompt: "?" })).rejects.toThrow("disposed");
  });
});
