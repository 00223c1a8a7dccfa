import { describe, expect, test } from "vitest";
import { chatRequest } from "../../src/server/chat-request.js";
import { serverLimits } from "../../src/server/server-limits.js";

const limits = serverLimits({ maxTokens: 100 });
const hello = [{ role: "user", content: "Hello" }];
const asked = (more: object) => chatRequest({ model: "pocket", messages: hello, ...more }, limits);
const refused = (body: unknown): unknown => {
  try {
    chatRequest(body, limits);
  } catch (error) {
    return error;
  }
  throw new Error("it was not refused");
};

describe("a chat's request", () => {
  test("is read with its defaults", () => {
    expect(asked({})).toEqual({
      model: "pocket",
      turns: hello,
      options: {},
      count: 1,
      decoding: {},
      seed: undefined,
      logprobs: false,
      stream: false,
      includeUsage: false,
    });
  });

  test("has its settings by OpenAI's names, and two of vLLM's", () => {
    const { decoding, seed, count } = asked({
      temperature: 0.5,
      top_p: 0.9,
      top_k: 5,
      repetition_penalty: 1.1,
      max_tokens: 9,
      max_completion_tokens: 8,
      stop: "\n",
      seed: 4,
      n: 2,
      logprobs: true,
      top_logprobs: 20,
    });
    expect(decoding).toEqual({
      temperature: 0.5,
      topP: 0.9,
      topK: 5,
      repetitionPenalty: 1.1,
      maxTokens: 8,
      stop: ["\n"],
      topLogprobs: 20,
    });
    expect([seed, count]).toEqual([4, 2]);
    expect(asked({ top_k: -1, stop: ["a", "b"] }).decoding).toEqual({ stop: ["a", "b"] });
  });

  test("has turns of texts and images", () => {
    const parts = [
      { type: "text", text: "What is this?" },
      { type: "image_url", image_url: { url: "data:a", detail: "high" } },
    ];
    const { turns } = asked({
      messages: [
        { role: "developer", content: [{ type: "text", text: "Be brief." }] },
        { role: "user", content: parts, name: "Ada" },
        // As a response had it.
        { role: "assistant", content: "A dog.", refusal: null, annotations: [], tool_calls: null },
        { role: "user", content: "Sure?" },
      ],
    });
    expect(turns).toEqual([
      { role: "system", content: [{ type: "text", text: "Be brief." }] },
      { role: "user", content: [parts[0], { type: "image", image: "data:a" }] },
      { role: "assistant", content: "A dog." },
      { role: "user", content: "Sure?" },
    ]);
  });

  test("may have what asks for nothing", () => {
    const nothing = {
      tools: [],
      tool_choice: "none",
      response_format: { type: "text" },
      frequency_penalty: 0,
      presence_penalty: 0,
      logit_bias: {},
      modalities: ["text"],
      user: "ada",
      metadata: { a: "b" },
      store: false,
      service_tier: "auto",
      parallel_tool_calls: true,
      seed: null,
      stop: null,
      groundsight: null,
    };
    expect(asked(nothing)).toEqual(asked({}));
  });

  test.each<[object, string, string?]>([
    [{ foo: 1 }, "foo", "unknown field"],
    [{ Temperature: 1 }, "Temperature"],
    [JSON.parse('{"__proto__": {"n": 2}}'), "__proto__"],
    [JSON.parse('{"constructor": 1}'), "constructor"],
    [{ model: 1 }, "model"],
    [{ model: "" }, "model"],
    [{ model: "a".repeat(3001) }, "model", "<=3000 characters"],
    [{ messages: [] }, "messages", "at least one message"],
    [{ messages: "Hello" }, "messages"],
    [{ messages: new Array(2049).fill(hello[0]) }, "messages", "at most 2048 messages"],
    [{ messages: [1] }, "messages[0]"],
    [{ messages: [{ role: "tool", content: "a" }] }, "messages[0].role", 'role "tool"'],
    [{ messages: [{ role: "function", content: "a" }] }, "messages[0].role"],
    [{ messages: [{ role: "user" }] }, "messages[0].content"],
    [{ messages: [{ role: "user", content: null }] }, "messages[0].content"],
    [{ messages: [{ role: "user", content: [] }] }, "messages[0].content"],
    [user({ type: "input_audio", input_audio: {} }), part("type"), 'type "input_audio"'],
    [user({ type: "file", file: {} }), part("type"), 'type "file"'],
    [user({ type: "text" }), part("text")],
    [user({ type: "image_url", image_url: "data:" }), part("image_url")],
    [user({ type: "image_url", image_url: { url: 1 } }), part("image_url.url")],
    [
      { messages: [{ role: "system", content: [{ type: "image_url" }] }] },
      "messages[0].content[0].type",
    ],
    [
      { messages: [{ role: "assistant", content: "a", tool_calls: [{ id: "1" }] }] },
      "messages[0].tool_calls",
      "tools are not supported",
    ],
    [{ messages: [{ role: "assistant", content: "a", audio: { id: "1" } }] }, "messages[0].audio"],
    [{ temperature: -1 }, "temperature"],
    [{ temperature: "1" }, "temperature"],
    [{ top_p: 0 }, "top_p"],
    [{ top_k: 1.5 }, "top_k"],
    [{ repetition_penalty: 0 }, "repetition_penalty"],
    [{ n: 0 }, "n"],
    [{ n: 9 }, "n", "at most 8"],
    [{ max_tokens: 0 }, "max_tokens"],
    [{ max_tokens: 101 }, "max_tokens", "received 101; expected at most 100"],
    [{ max_completion_tokens: 1e300 }, "max_completion_tokens"],
    [{ seed: -1 }, "seed"],
    [{ seed: 2 ** 53 }, "seed"],
    [{ stop: "" }, "stop"],
    [{ stop: ["a", ""] }, "stop[1]"],
    [{ stop: Array(17).fill("a") }, "stop", "<=16 items"],
    [{ stop: "a".repeat(1001) }, "stop", "<=1000 characters"],
    [{ top_logprobs: 2 }, "top_logprobs", "logprobs: true"],
    [{ logprobs: true, top_logprobs: 21 }, "top_logprobs"],
    [{ logprobs: 1 }, "logprobs"],
    [{ stream_options: { include_usage: true } }, "stream_options", "stream: true"],
    [{ stream: true, stream_options: { usage: true } }, "stream_options.usage"],
    [{ response_format: { type: "json_object" } }, "response_format"],
    [{ tools: [{ type: "function" }] }, "tools", "tools are not supported"],
    [{ tool_choice: "required" }, "tool_choice"],
    [{ functions: [{ name: "a" }] }, "functions"],
    [{ frequency_penalty: 0.5 }, "frequency_penalty", "repetition_penalty"],
    [{ presence_penalty: -1 }, "presence_penalty"],
    [{ logit_bias: { 5: 1 } }, "logit_bias"],
    [{ modalities: ["text", "audio"] }, "modalities"],
    [{ groundsight: { metod: "vcd" } }, "groundsight.metod", "unknown field"],
    [{ groundsight: { evidence: 1 } }, "groundsight.evidence"],
    [{ groundsight: { steer: { nome: "a" } } }, "groundsight.steer.nome"],
    [{ groundsight: { settings: [] } }, "groundsight.settings"],
  ])("%j is refused by name", (more, param, message = "") => {
    const error = refused({ model: "pocket", messages: hello, ...more });
    expect(error).toMatchObject({
      status: 400,
      body: { error: { type: "invalid_request_error", param, code: null } },
      message: expect.stringContaining(message),
    });
  });

  test.each([[null], ["a"], [[]], [1]])("%j is none", (body) => {
    expect(refused(body)).toMatchObject({ status: 400 });
  });
});

function user(content: object): object {
  return { messages: [{ role: "user", content: [content] }] };
}

function part(name: string): string {
  return `messages[0].content[0].${name}`;
}
