/** `verifyObjects` on a scripted provider: what it asks, what it makes of the answers, and what it costs. */
import type { LanguageModelV4CallOptions, LanguageModelV4StreamPart } from "@ai-sdk/provider";
import { describe, expect, test } from "vitest";
import type { Verification } from "../../src/ai-sdk/verify-answer.js";
import { type VerifyObjectsOptions, verifyObjects } from "../../src/ai-sdk/verify-objects.js";
import {
  asking,
  generateThrough,
  type Scripted,
  scriptedModel,
  streamThrough,
} from "./scripted-model.js";

const TEXT = "A dog sits on a couch. A fork lies there. The dog sleeps.";
const ABOUT = /^Is there an? (.*) in the image\?/;

interface Script {
  /** Answers to questions about objects; yes where left out. */
  readonly objects?: Readonly<Record<string, Scripted>>;
  readonly answer?: Scripted;
  readonly rewritten?: Scripted;
  readonly provider?: string;
}

function script({ objects = {}, answer = TEXT, rewritten = "", provider }: Script = {}) {
  return scriptedModel((question) => {
    const object = ABOUT.exec(question)?.[1];
    if (object !== undefined) return objects[object] ?? "Yes";
    return question.startsWith("The following may not be") ? rewritten : answer;
  }, provider);
}

/** An answer verified, with what was asked. */
async function verified(
  options: VerifyObjectsOptions,
  how: Script = {},
  params: Partial<LanguageModelV4CallOptions> = {},
) {
  const { model, asked } = script(how);
  const call = { prompt: asking("Describe the image."), ...params };
  const result = await generateThrough(verifyObjects(options), model, call);
  const told = result.providerMetadata?.groundsight?.verification as unknown as Verification;
  const text = result.content.flatMap((part) => (part.type === "text" ? part.text : [])).join("");
  return {
    result,
    told,
    text,
    asked,
    questions: asked.map(({ question }) => question.split("\n")[0]),
  };
}

const NO_FORK = { objects: { fork: "No." } };

describe("questions", () => {
  test("one for each object, on the prompt's images alone, short and greedy", async () => {
    const abortSignal = new AbortController().signal;
    const params = {
      abortSignal,
      headers: { a: "b" },
      temperature: 1,
      maxOutputTokens: 500,
      tools: [{ type: "function" as const, name: "t", inputSchema: {} }],
      providerOptions: { scripted: { store: false } },
    };
    const { asked, questions, told, result } = await verified({}, NO_FORK, params);
    expect(questions).toEqual([
      "Describe the image.",
      "Is there a dog in the image?",
      "Is there a couch in the image?",
      "Is there a fork in the image?",
    ]);
    const { question: _, ...call } = asked[1]!;
    expect(call).toEqual({
      prompt: [
        {
          role: "user",
          content: [
            expect.objectContaining({ type: "file", mediaType: "image/png" }),
            expect.objectContaining({ type: "text" }),
          ],
        },
      ],
      temperature: 0,
      maxOutputTokens: 16,
      abortSignal,
      headers: { a: "b" },
      providerOptions: { scripted: { store: false } },
    });
    expect(told.calls).toEqual({ questions: 3, rewrites: 0 });
    expect(told.tokens).toEqual({ input: 30, output: 6 });
    expect(result.usage).toMatchObject({ inputTokens: { total: 40 }, outputTokens: { total: 8 } });
  });

  test("none without an image, an object or a text: the answer is the model's own", async () => {
    for (const [how, params] of [
      [NO_FORK, { prompt: asking("Describe a room.", false) }],
      [{ answer: { content: [] } }, {}],
    ] satisfies [Script, object][]) {
      const { result, asked } = await verified({ mode: "rewrite" }, how, params);
      expect(asked).toHaveLength(1);
      expect(result.providerMetadata).toBeUndefined();
    }
    const none = await verified({ mode: "rewrite" }, { answer: "Yes." });
    expect([none.asked.length, none.text, none.told.outcome]).toEqual([1, "Yes.", "unchanged"]);
  });

  test("at most so many, also for what was written anew", async () => {
    const rewritten = "A dog, a couch, a car and a bus.";
    const { told, questions } = await verified(
      { mode: "rewrite", maxObjects: 4 },
      { ...NO_FORK, rewritten },
    );
    expect(told.calls).toEqual({ questions: 4, rewrites: 1 });
    expect(questions.at(-1)).toBe("Is there a car in the image?");
    expect(told.unasked).toEqual(["bus"]);
  });

  test("a rewritten text that names more unasked than verified objects is not taken", async () => {
    const rewritten = "A car, a bus and a train.";
    const options = { mode: "rewrite", maxObjects: 3 } as const;
    const { told, text } = await verified(options, {
      objects: { ...NO_FORK.objects, dog: "No." },
      rewritten,
    });
    expect([told.outcome, told.unasked, text]).toEqual(["shortened", [], "A dog sits on a couch."]);
  });

  test("without a yes or no are told, and warned of where there is none", async () => {
    const some = await verified({}, { objects: { dog: "Maybe.", fork: "No." } });
    expect([some.told.unclear, some.result.warnings]).toEqual([["dog"], []]);
    const none = await verified(
      { mode: "drop" },
      { objects: { dog: "", couch: "Nein.", fork: "Maybe" } },
    );
    expect([none.told.unclear, none.text]).toEqual([["dog", "couch", "fork"], TEXT]);
    const message = expect.stringContaining("answered none of 3 questions by yes or no");
    expect(none.result.warnings).toEqual([{ type: "other", message }]);
  });

  test("with settings, words and names of one's own", async () => {
    const { asked } = await verified(
      {
        wording: "Do you see a {object}?",
        objects: ["lamp"],
        questions: {
          maxOutputTokens: 200,
          reasoning: "low",
          providerOptions: { scripted: { a: 1 } },
        },
      },
      { answer: "A lamp." },
      { providerOptions: { scripted: { a: 0, b: 2 } } },
    );
    expect(asked[1]).toMatchObject({
      question: "Do you see a lamp?",
      maxOutputTokens: 200,
      reasoning: "low",
      providerOptions: { scripted: { a: 1, b: 2 } },
    });
  });

  test.each([
    ["openai.chat", { openai: { logprobs: 20 } }],
    ["azure.responses", { openai: { logprobs: 20 }, azure: { logprobs: 20 } }],
    ["groundsight", { groundsight: { logprobs: 20, evidence: false, verify: false } }],
    ["groundsight.chat", {}],
  ])("ask %s for log-probabilities as it knows them", async (provider, expected) => {
    expect((await verified({}, { provider })).asked[1]?.providerOptions).toEqual(expected);
    const without = await verified({ logprobs: false }, { provider });
    expect(without.asked[1]?.providerOptions).toEqual({});
  });

  test("that fail, fail the call", async () => {
    const { model } = scriptedModel((question) => {
      if (ABOUT.test(question)) throw new Error("rate limit");
      return TEXT;
    });
    const params = { prompt: asking("Describe.") };
    await expect(generateThrough(verifyObjects(), model, params)).rejects.toThrow("rate limit");
    const parts = await streamThrough(verifyObjects({ mode: "refuse" }), model, params);
    expect(parts.slice(1)).toMatchObject([
      { type: "error", error: { message: "rate limit" } },
      { type: "finish", finishReason: { unified: "error" } },
    ]);
  });
});

describe("log-probabilities decide before words", () => {
  const token = (of: string, chance: number) => ({ token: of, logprob: Math.log(chance) });
  const top = [token("No", 0.6), token("Yes", 0.3)];
  const content = [{ ...token("No", 0.6), top_logprobs: top }];
  test.each([
    ["as a list", { openai: { logprobs: content } }],
    ["in lists", { openai: { responseId: "1", logprobs: [content] } }],
    ["as content", { other: {}, acme: { logprobs: { content } } }],
    [
      "behind blank tokens",
      { acme: { logprobs: [{ ...token("\n", 1), top_logprobs: [] }, ...content] } },
    ],
  ])("told %s", async (_, providerMetadata) => {
    const fork = { content: [{ type: "text" as const, text: "Yes" }], providerMetadata };
    const objects = { fork: fork as unknown as Scripted };
    const { told } = await verified({}, { objects });
    expect(told.doubtful).toMatchObject([
      { object: "fork", says: "yes", margin: expect.closeTo(Math.log(2)) },
    ]);
    expect((await verified({ threshold: 1 }, { objects })).told.doubtful).toEqual([]);
    expect((await verified({ logprobs: false }, { objects })).told.doubtful).toEqual([]);
  });
});

describe("annotate", () => {
  test("leaves the answer as it is, and tells where its objects stand", async () => {
    const openai = { responseId: "r", logprobs: [] };
    const answer = {
      content: [{ type: "text" as const, text: TEXT }],
      providerMetadata: { openai, groundsight: { seed: 1 } },
    };
    const { result, told } = await verified({}, { ...NO_FORK, answer });
    expect(result.content).toEqual(answer.content);
    expect(result.providerMetadata).toMatchObject({ openai, groundsight: { seed: 1 } });
    expect(told).toMatchObject({ mode: "annotate", outcome: "unchanged" });
    expect(told).not.toHaveProperty("draft");
    expect(told.objects.map(({ start, end }) => TEXT.slice(start, end))).toEqual([
      "dog",
      "couch",
      "fork",
      "dog",
    ]);
    expect(told.doubtful).toEqual([
      { word: "fork", object: "fork", start: 25, end: 29, says: "no", doubtful: true },
    ]);
    expect(JSON.parse(JSON.stringify(told))).toEqual(told);
  });
});

describe("drop", () => {
  test("leaves out sentences, and what was told of places in them", async () => {
    const answer = {
      content: [
        { type: "reasoning" as const, text: "Hm." },
        { type: "text" as const, text: TEXT.slice(0, 22), providerMetadata: { openai: { id: 1 } } },
        { type: "text" as const, text: TEXT.slice(22) },
      ],
      providerMetadata: {
        openai: { responseId: "r", logprobs: [1] },
        groundsight: { phrases: [] },
      },
    };
    const { result, told } = await verified({ mode: "drop" }, { ...NO_FORK, answer });
    const text = "A dog sits on a couch. The dog sleeps.";
    expect(result.content).toEqual([
      { type: "reasoning", text: "Hm." },
      { type: "text", text, providerMetadata: { openai: { id: 1 } } },
    ]);
    expect(result.providerMetadata).toEqual({
      openai: { responseId: "r" },
      groundsight: { verification: told },
    });
    expect(told).toMatchObject({
      outcome: "shortened",
      draft: TEXT,
      dropped: ["A fork lies there."],
      doubtful: [],
      calls: { questions: 3, rewrites: 0 },
    });
    expect(told.objects.map(({ start, end }) => text.slice(start, end))).toEqual([
      "dog",
      "couch",
      "dog",
    ]);
  });

  test("ends the only sentence in front of what is doubtful, and never leaves nothing", async () => {
    const ended = await verified({ mode: "drop" }, { ...NO_FORK, answer: "A dog and a fork." });
    expect([ended.text, ended.told.cut]).toEqual(["A dog.", "and a fork."]);
    const { text, told } = await verified({ mode: "drop" }, { ...NO_FORK, answer: "A fork." });
    expect([text, told.left, told.doubtful.length]).toEqual(["A fork.", "A fork.", 1]);
  });

  test("changes nothing that is not doubtful, and no JSON", async () => {
    const sure = await verified({ mode: "drop" });
    expect([sure.text, sure.told.outcome]).toEqual([TEXT, "unchanged"]);
    const params = { responseFormat: { type: "json" as const } };
    const json = await verified({ mode: "drop" }, { ...NO_FORK, answer: '["fork."]' }, params);
    expect(json.told).toMatchObject({ mode: "annotate", doubtful: [{ object: "fork" }] });
    expect(json.text).toBe('["fork."]');
  });
});

describe("rewrite", () => {
  test("asks once, in the conversation, and verifies what is new alone", async () => {
    const rewritten = "  A dog sits on a couch by a car. ";
    const params = { tools: [{ type: "function" as const, name: "t", inputSchema: {} }], seed: 5 };
    const { text, told, asked, questions, result } = await verified(
      { mode: "rewrite" },
      { ...NO_FORK, rewritten },
      params,
    );
    expect(text).toBe("A dog sits on a couch by a car.");
    expect(told).toMatchObject({ outcome: "rewritten", draft: TEXT, doubtful: [] });
    expect(told.calls).toEqual({ questions: 4, rewrites: 1 });
    expect(result.usage).toMatchObject({ inputTokens: { total: 60 }, outputTokens: { total: 12 } });
    expect(questions.slice(4)).toEqual([
      "The following may not be in the image: fork. Write your answer again without it, and change nothing else. Give the answer alone.",
      "Is there a car in the image?",
    ]);
    const call = asked[4]!;
    expect(call.prompt.map(({ role }) => role)).toEqual(["system", "user", "assistant", "user"]);
    expect(call.prompt[2]).toMatchObject({ content: [{ text: TEXT }] });
    expect(call).toMatchObject({ seed: 5 });
    expect(call).not.toHaveProperty("tools");
  });

  test("drops what is doubtful again", async () => {
    const rewritten = "A dog on a couch. A fork. The bus is red.";
    const objects = { fork: "No", bus: "No" };
    const { text, told } = await verified({ mode: "rewrite" }, { objects, rewritten });
    expect(text).toBe("A dog on a couch.");
    expect(told).toMatchObject({ outcome: "shortened", dropped: ["A fork.", "The bus is red."] });
    expect(told.calls).toEqual({ questions: 4, rewrites: 1 });
  });

  test.each(["Yes", "", "A dog."])(
    "drops from the first answer where it says less: '%s'",
    async (rewritten) => {
      const { text, told } = await verified({ mode: "rewrite" }, { ...NO_FORK, rewritten });
      expect(text).toBe("A dog sits on a couch. The dog sleeps.");
      expect(told).toMatchObject({ outcome: "shortened", calls: { rewrites: 1 } });
    },
  );

  test("keeps a doubtful answer that cannot be shortened before one that says nothing", async () => {
    const how = { ...NO_FORK, answer: "A fork, a dog and a couch." };
    const { text, told } = await verified({ mode: "rewrite" }, { ...how, rewritten: "Yes" });
    expect([text, told.left]).toEqual([how.answer, how.answer]);
    const better = await verified({ mode: "rewrite" }, { ...how, rewritten: "A dog." });
    expect(better.text).toBe("A dog.");
  });

  test("is not asked for where nothing is doubtful", async () => {
    expect((await verified({ mode: "rewrite" })).told.calls.rewrites).toBe(0);
  });
});

describe("refuse", () => {
  test("calls no tools", async () => {
    const content = [
      { type: "tool-call" as const, toolCallId: "0", toolName: "t", input: "{}" },
      { type: "text" as const, text: "A fork. Let me look." },
      { type: "tool-call" as const, toolCallId: "1", toolName: "t", input: "{}" },
    ];
    for (const [says, types] of [
      ["No.", ["text"]],
      ["Yes.", ["tool-call", "text", "tool-call"]],
    ] as const) {
      const how = { answer: { content }, objects: { fork: says } };
      const { result } = await verified({ mode: "refuse" }, how);
      expect(result.content.map(({ type }) => type)).toEqual(types);
      const { model } = script(how);
      const parts = await streamThrough(verifyObjects({ mode: "refuse" }), model, {
        prompt: asking("Describe the image."),
      });
      const told = parts.filter(({ type }) => ["tool-call", "text-start"].includes(type));
      expect(told.map(({ type }) => type.replace("-start", ""))).toEqual(types);
    }
  });

  test("puts a refusal in the answer's place, and says why", async () => {
    const { text, told, result } = await verified({ mode: "refuse" }, NO_FORK);
    expect(text).toMatch(/cannot answer .*\(fork\)/);
    expect(result.finishReason).toEqual({ unified: "content-filter", raw: "doubtful-objects" });
    expect(told).toMatchObject({ outcome: "refused", draft: TEXT, doubtful: [{ object: "fork" }] });
    const own = await verified({ mode: "refuse", refusal: () => "" }, NO_FORK);
    expect(own.result.content).toEqual([]);
    expect((await verified({ mode: "refuse" })).text).toBe(TEXT);
  });
});

describe("streams", () => {
  const streamed = async (options: VerifyObjectsOptions, how: Script = {}) => {
    const { model, asked } = script(how);
    const parts = await streamThrough(verifyObjects(options), model, {
      prompt: asking("Describe the image."),
    });
    const text = parts.map((part) => (part.type === "text-delta" ? part.delta : "")).join("");
    return { parts, text, asked };
  };

  test.each(["annotate", "drop", "rewrite", "refuse"] as const)(
    "say with %s what the whole answer says",
    async (mode) => {
      const how = { ...NO_FORK, rewritten: "A dog on a couch." };
      for (const one of [how, {}]) {
        const { text, parts } = await streamed({ mode }, one);
        const { text: whole, result } = await verified({ mode }, one);
        const { finishReason, usage, providerMetadata } = result;
        expect(text).toBe(whole);
        expect(parts.at(-1)).toEqual({ type: "finish", finishReason, usage, providerMetadata });
        const ids = parts.flatMap((part) => (part.type.startsWith("text") ? [part.type] : []));
        expect([ids[0], ids.at(-1)]).toEqual(["text-start", "text-end"]);
      }
    },
  );

  test("flow with annotate, and are held back otherwise until the verdicts are there", async () => {
    const seen = async (mode: "annotate" | "drop") => {
      const { model, asked } = script(NO_FORK);
      const params = { prompt: asking("Describe.") };
      const { wrapStream } = verifyObjects({ mode });
      const { stream } = await wrapStream!({
        doGenerate: () => model.doGenerate(params),
        doStream: () => model.doStream(params),
        params,
        model,
      });
      const calls: number[] = [];
      for await (const { type } of stream) if (type === "text-delta") calls.push(asked.length);
      return calls[0];
    };
    expect(await seen("annotate")).toBe(1);
    expect(await seen("drop")).toBe(4);
  });

  test("keep the order of other parts, and tell nothing unverified where the answer fails", async () => {
    const source = { type: "source", sourceType: "url", id: "s", url: "https://a.b" } as const;
    const content = [{ type: "text" as const, text: TEXT }, source];
    const { parts } = await streamed({ mode: "drop" }, { ...NO_FORK, answer: { content } });
    expect(parts.map(({ type }) => type)).toEqual([
      "stream-start",
      "text-start",
      "text-delta",
      "text-end",
      "source",
      "finish",
    ]);
    const failed = { content, finishReason: { unified: "error", raw: undefined } } as const;
    const { parts: rest, asked } = await streamed(
      { mode: "refuse" },
      { answer: { ...failed, content } },
    );
    expect(rest.map(({ type }) => type)).toEqual(["stream-start", "source", "finish"]);
    expect(asked).toHaveLength(1);
  });

  test("without an image are the model's own", async () => {
    const { model } = script(NO_FORK);
    const params = { prompt: asking("A room?", false) };
    const plain: LanguageModelV4StreamPart[] = [];
    for await (const part of (await model.doStream(params)).stream) plain.push(part);
    expect(await streamThrough(verifyObjects({ mode: "drop" }), model, params)).toEqual(plain);
  });
});

test.each([
  [{ mode: "mark" }, /mode: received 'mark'; expected one of annotate/],
  [{ wording: "Well?" }, /\{object\}/],
  [{ maxObject: 1 }, /verifyObjects has no option 'maxObject'/],
])("refuses %o", (options, message) => {
  expect(() => verifyObjects(options as VerifyObjectsOptions)).toThrow(message);
});
