/** The provider on a fake model: what is asked of it, and what it tells. */
import { readFile } from "node:fs/promises";
import type {
  LanguageModelV4CallOptions,
  LanguageModelV4StreamPart,
  SharedV4ProviderOptions,
} from "@ai-sdk/provider";
import { fakeModel } from "groundsight/testing";
import { describe, expect, test } from "vitest";
import {
  createGroundsight,
  type GroundsightOptions,
  type GroundsightProviderOptions,
} from "../../src/ai-sdk/index.js";
import type { FakeQuestion } from "../../src/testing/fake-model.js";

const IMAGE = new URL("../../pocket/bench/dev/images/dev_000008.png", import.meta.url);

const question = (text: string, data: unknown = Uint8Array.of(9, 9, 9)) =>
  [
    {
      role: "user",
      content: [
        { type: "file", mediaType: "image/png", data: { type: "data", data } },
        { type: "text", text },
      ],
    },
  ] as LanguageModelV4CallOptions["prompt"];

/** A provider with one model, and what that was asked. */
function provided(
  respond: (asked: FakeQuestion) => string = () => "A dog.",
  options: GroundsightOptions = {},
) {
  const asked: FakeQuestion[] = [];
  const model = fakeModel({
    respond(one) {
      if (asked.at(-1)?.prompt !== one.prompt) asked.push(one);
      return respond(one);
    },
  });
  const groundsight = createGroundsight({ models: { fake: model }, ...options });
  return { groundsight, asked, model };
}

const generate = (options: Partial<LanguageModelV4CallOptions> = {}, id = "fake") =>
  provided()
    .groundsight(id)
    .doGenerate({ prompt: question("Describe."), ...options });

async function partsOf(
  stream: ReadableStream<LanguageModelV4StreamPart>,
): Promise<LanguageModelV4StreamPart[]> {
  const parts: LanguageModelV4StreamPart[] = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

describe("an answer", () => {
  test("has its text, tokens, why it ended, and how it was made", async () => {
    const result = await generate({ maxOutputTokens: 30 });
    expect(result.content).toEqual([{ type: "text", text: "A dog." }]);
    expect(result.finishReason).toEqual({ unified: "stop", raw: "eos" });
    expect(result.usage.outputTokens).toMatchObject({ total: 6, text: 6 });
    expect(result.usage.inputTokens.total).toBe(result.usage.raw?.promptTokens);
    expect(result.warnings).toEqual([]);
    expect(result.response).toMatchObject({ modelId: "fake", timestamp: expect.any(Date) });
    expect(result.providerMetadata?.groundsight).toMatchObject({
      seed: 0,
      method: { name: "regular" },
      decoding: { maxTokens: 30, temperature: 0 },
      timings: { totalMs: expect.any(Number) },
    });
    expect(result.providerMetadata?.groundsight).not.toHaveProperty("logprobs");
    expect(JSON.parse(JSON.stringify(result.providerMetadata))).toEqual(result.providerMetadata);
  });

  test("ends at its limit and at stop texts", async () => {
    expect((await generate({ maxOutputTokens: 3 })).finishReason).toEqual({
      unified: "length",
      raw: "length",
    });
    const stopped = await generate({ stopSequences: ["dog", ""] });
    expect(stopped.content).toEqual([{ type: "text", text: "A" }]);
    expect(stopped.finishReason).toEqual({ unified: "stop", raw: "stop" });
  });

  test("has log-probabilities in OpenAI's form, evidence and phrases, where asked for", async () => {
    const { providerMetadata } = await generate({
      prompt: question("Describe.", await readFile(IMAGE)),
      providerOptions: { groundsight: { logprobs: 2, evidence: true } },
    });
    const told = providerMetadata?.groundsight as Record<string, unknown[]>;
    expect(told.logprobs).toHaveLength(6);
    expect(told.logprobs?.[0]).toMatchObject({
      token: "A",
      logprob: expect.any(Number),
      bytes: [65],
      top_logprobs: [{ token: "A" }, { logprob: expect.any(Number) }],
    });
    expect(told.evidence).toHaveLength(6);
    const none = await generate({ providerOptions: { groundsight: { logprobs: 0 } } });
    expect(none.providerMetadata?.groundsight?.logprobs).toMatchObject([
      { token: "A", top_logprobs: [] },
      ...Array(5).fill({}),
    ]);
  });

  test("takes every setting there is", async () => {
    const { providerMetadata } = await generate({
      temperature: 0.5,
      topK: 3,
      topP: 0.9,
      seed: 7,
      providerOptions: { groundsight: { repetitionPenalty: 1.5, method: "vcd:alpha=2" } },
    });
    expect(providerMetadata?.groundsight).toMatchObject({
      seed: 7,
      decoding: { temperature: 0.5, topK: 3, topP: 0.9, repetitionPenalty: 1.5 },
      method: { name: "vcd", settings: { alpha: 2 } },
    });
  });

  test("has a fresh seed where it is drawn and none is given", async () => {
    const seeds = await Promise.all(
      [1, 1, 0].map(
        async (temperature) =>
          (await generate({ temperature })).providerMetadata?.groundsight?.seed,
      ),
    );
    expect(new Set(seeds).size).toBe(3);
    expect(seeds[2]).toBe(0);
  });
});

describe("a prompt", () => {
  test("keeps its turns, and images as bytes, base64 and data URLs are the same", async () => {
    const bytes = Uint8Array.of(9, 9, 9);
    const base64 = Buffer.from(bytes).toString("base64");
    const url = `data:image/png;base64,${base64}`;
    const seen = [];
    for (const data of [
      { type: "data", data: bytes },
      { type: "data", data: base64 },
      { type: "url", url: new URL(url) },
      { type: "data", data: url },
    ]) {
      const { groundsight, asked } = provided();
      const prompt = [
        { role: "system", content: "Be brief." },
        { role: "user", content: [{ type: "text", text: "Hello" }] },
        { role: "assistant", content: [{ type: "text", text: "Yes?" }] },
        {
          role: "user",
          content: [
            { type: "file", mediaType: "image", data },
            { type: "text", text: "What is it?" },
          ],
        },
      ] as LanguageModelV4CallOptions["prompt"];
      await groundsight("fake").doGenerate({ prompt });
      seen.push(asked);
    }
    expect(seen[0]?.[0]?.prompt).toMatch(/Be brief\..*Hello.*Yes\?.*What is it\?/s);
    // The fake model takes whatever bytes it is given: a text in base64 would have been another image.
    expect(seen[1]).toEqual(seen[0]);
    expect(seen[0]?.[0]?.brightness).toBeDefined();
  });

  test("may name an http or https URL, which the image reader fetches, not the AI SDK", async () => {
    const { "image/*": urls = [], ...others } = await provided().groundsight("fake").supportedUrls;
    expect(others).toEqual({});
    const isRead = (url: string) => urls.some((pattern) => pattern.test(url));
    expect(["https://a.b/c.png", "http://a.b/c", "file:///a"].map(isRead)).toEqual([
      true,
      true,
      false,
    ]);
  });

  test.each([
    [{ type: "url", url: new URL("file:///etc/hostname") }, "image/png", /scheme file:/],
    [{ type: "reference", reference: { groundsight: "1" } }, "image/png", /image as reference/],
    [{ type: "data", data: "AAAA" }, "audio/wav", /'audio\/wav'/],
    [{ type: "text", text: "Hello" }, "text/plain", /'text\/plain'/],
  ])("refuses %o of %s", async (data, mediaType, message) => {
    const content = [{ type: "file", mediaType, data }];
    const prompt = [{ role: "user", content }] as LanguageModelV4CallOptions["prompt"];
    await expect(generate({ prompt })).rejects.toMatchObject({
      code: "UNSUPPORTED_CAPABILITY",
      message: expect.stringMatching(message),
    });
  });

  test("without what there is not: warnings say what was left out", async () => {
    const prompt = [
      { role: "user", content: [{ type: "text", text: "Weather?" }] },
      {
        role: "assistant",
        content: [
          { type: "reasoning", text: "Hm." },
          { type: "tool-call", toolCallId: "1", toolName: "weather", input: {} },
        ],
      },
      {
        role: "tool",
        content: [
          {
            type: "tool-result",
            toolCallId: "1",
            toolName: "weather",
            output: { type: "text", value: "sun" },
          },
        ],
      },
      ...question("And this?"),
    ] as LanguageModelV4CallOptions["prompt"];
    const { warnings } = await generate({
      prompt,
      tools: [{ type: "function", name: "weather", inputSchema: {} }],
      responseFormat: { type: "json" },
      reasoning: "high",
      presencePenalty: 1,
      frequencyPenalty: 1,
    });
    expect(warnings.map((warning) => warning.type === "unsupported" && warning.feature)).toEqual([
      "tools",
      "responseFormat",
      "reasoning",
      "presencePenalty",
      "frequencyPenalty",
      "reasoning in the prompt",
      "tool-call in the prompt",
      "tool-result in the prompt",
    ]);
    const none = await generate({
      toolChoice: { type: "auto" },
      tools: [],
      responseFormat: { type: "text" },
      reasoning: "none",
      presencePenalty: 0,
    });
    expect(none.warnings).toEqual([]);
  });

  test.each([
    [{ methd: "vcd" }, /methd/],
    [{ logprobs: 101 }, /logprobs/],
    [{ repetitionPenalty: 0 }, /repetitionPenalty/],
    [{ method: "nothing" }, /nothing/],
    [{ method: "vcd", settings: { alfa: 1 } }, /alfa/],
  ])("refuses %o as provider options", async (groundsight, message) => {
    await expect(generate({ providerOptions: { groundsight } })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(message),
    });
  });
});

describe("a stream", () => {
  const open = async (respond: () => string, options: Partial<LanguageModelV4CallOptions> = {}) => {
    const { groundsight } = provided(respond);
    return groundsight("fake").doStream({ prompt: question("Describe."), ...options });
  };

  test("has its parts in order, the same text as the answer whole, and its facts at the end", async () => {
    const respond = () => "  A dog\n and more.  ";
    const { groundsight } = provided(respond);
    const whole = await groundsight("fake").doGenerate({ prompt: question("Describe.") });
    const parts = await partsOf((await open(respond)).stream);
    const types = parts.map(({ type }) => type).filter((type, i, all) => type !== all[i - 1]);
    expect(types).toEqual([
      "stream-start",
      "response-metadata",
      "text-start",
      "text-delta",
      "text-end",
      "finish",
    ]);
    const text = parts.map((part) => (part.type === "text-delta" ? part.delta : "")).join("");
    expect(whole.content).toEqual([{ type: "text", text }]);
    const { finishReason, usage, providerMetadata } = whole;
    const { timings: _, ...facts } = providerMetadata!.groundsight as Record<string, unknown>;
    expect(parts.at(-1)).toMatchObject({ finishReason, usage });
    expect(parts.at(-1)).toMatchObject({ providerMetadata: { groundsight: facts } });
  });

  test("without text has no part of text; raw pieces where asked for", async () => {
    const { stream } = await open(() => "", { includeRawChunks: true });
    const types = (await partsOf(stream)).map(({ type }) => type);
    expect(types.filter((type) => type.startsWith("text"))).toEqual([]);
    const raw = await partsOf((await open(() => "Yes", { includeRawChunks: true })).stream);
    expect(raw.filter(({ type }) => type === "raw").length).toBeGreaterThan(2);
  });

  test("tells warnings first, and wrong options before it begins", async () => {
    const { stream } = await open(() => "Yes", { presencePenalty: 1 });
    expect((await partsOf(stream))[0]).toMatchObject({
      warnings: [{ feature: "presencePenalty" }],
    });
    const wrong = open(() => "Yes", { providerOptions: { groundsight: { method: 1 } } });
    await expect(wrong).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  test("fails where the answer fails", async () => {
    const { stream } = await open(() => "Yes", { temperature: -1 });
    expect((await partsOf(stream)).slice(2)).toMatchObject([
      { type: "error", error: { code: "INVALID_ARGUMENT" } },
      { type: "finish", finishReason: { unified: "error" } },
    ]);
  });

  test("ends with the signal's reason, as the answer whole does", async () => {
    const stop = new AbortController();
    const { stream } = await open(() => "A dog and ".repeat(100), {
      abortSignal: stop.signal,
      maxOutputTokens: 1000,
    });
    const reader = stream.getReader();
    for (let part = await reader.read(); part.value?.type !== "text-delta"; ) {
      part = await reader.read();
    }
    stop.abort();
    const rest = async () => {
      for (;;) if ((await reader.read()).done) return;
    };
    await expect(rest()).rejects.toMatchObject({ name: "AbortError" });
    await expect(generate({ abortSignal: AbortSignal.abort() })).rejects.toMatchObject({
      name: "AbortError",
    });
  });

  test("that nobody reads any longer ends the answer", async () => {
    let asked = 0;
    const { groundsight } = provided(() => {
      asked++;
      return "A dog and ".repeat(300);
    });
    const call = { prompt: question("Describe."), maxOutputTokens: 2000 };
    const { stream } = await groundsight("fake").doStream(call);
    const reader = stream.getReader();
    await reader.read();
    await reader.cancel();
    const before = asked;
    await groundsight("fake").doGenerate({ prompt: question("Else?"), maxOutputTokens: 1 });
    expect(asked).toBeLessThan(before + 20);
  });
});

describe("a provider", () => {
  test("reads a method behind a model's id; named differently in two places it is refused", async () => {
    const method = async (id: string, options = {}) =>
      (await generate({ providerOptions: { groundsight: options } }, id)).providerMetadata
        ?.groundsight?.method;
    expect(await method("fake:vcd:alpha=2")).toMatchObject({ name: "vcd", settings: { alpha: 2 } });
    expect(await method("fake:apc", { method: "apc" })).toMatchObject({ name: "apc" });
    await expect(method("fake:apc", { method: "vcd" })).rejects.toThrow("'vcd' in providerOptions");
    expect(() => provided().groundsight("fake:nothing")).toThrow("nothing");
  });

  test("has a method for calls that name none", async () => {
    const { groundsight } = provided(undefined, { method: "apc" });
    const { providerMetadata } = await groundsight
      .languageModel("fake")
      .doGenerate({ prompt: question("?") });
    expect(providerMetadata?.groundsight?.method).toMatchObject({ name: "apc" });
    expect(() => createGroundsight({ method: "nothing" })).toThrow("nothing");
  });

  test("wants an id: the empty one would be the folder that the program runs in", () => {
    for (const id of ["", ":vcd"]) {
      expect(() => createGroundsight()(id)).toThrow(`model: received '${id}'; expected an id`);
    }
  });

  test("has options of a type that calls of the AI SDK take", () => {
    const groundsight: GroundsightProviderOptions = { steer: { name: "a" }, settings: { x: [1] } };
    const providerOptions: SharedV4ProviderOptions = { groundsight };
    expect(providerOptions.groundsight).toBe(groundsight);
  });

  test("has language models alone", () => {
    const { groundsight } = provided();
    expect(groundsight.specificationVersion).toBe("v4");
    for (const make of [groundsight.embeddingModel, groundsight.imageModel]) {
      expect(() => make("any")).toThrow(
        expect.objectContaining({
          code: "UNSUPPORTED_CAPABILITY",
          modelId: "any",
          [Symbol.for("vercel.ai.error.AI_NoSuchModelError")]: true,
        }),
      );
    }
  });

  test("loads at the first call, again where that failed, and leaves given models alone", async () => {
    const groundsight = createGroundsight();
    const model = groundsight("/no/such/folder");
    for (let i = 0; i < 2; i++) {
      await expect(model.doGenerate({ prompt: question("?") })).rejects.toMatchObject({
        code: "MODEL_LOAD",
      });
    }
    const { groundsight: other, model: given } = provided();
    await other.dispose();
    await expect(other("fake").doGenerate({ prompt: question("?") })).rejects.toThrow("disposed");
    expect((await given.generate({ prompt: "?" })).text).toBe("A dog.");
  });
});
