import { expect, test } from "vitest";
import { AbortedError, InferenceError, ModelLoadError } from "../../../src/errors.js";
import type { ChatQuestion } from "../../../src/eval/endpoint/chat-dialect.js";
import {
  type OpenAiEndpointOptions,
  openAiEndpoint,
} from "../../../src/eval/endpoint/openai-endpoint.js";
import { type Asked, reply, scriptedServer } from "./scripted-server.js";

const KEY = "sk-0123456789";
const question: ChatQuestion = {
  prompt: "A dog?",
  image: null,
  maxTokens: 16,
  temperature: 0,
  topP: 1,
  seed: 7,
  likeliest: true,
};

async function asking(script: (asked: Asked) => void, more: Partial<OpenAiEndpointOptions> = {}) {
  const server = await scriptedServer(script);
  const endpoint = openAiEndpoint({
    baseUrl: server.url,
    model: "m",
    apiKey: KEY,
    retries: 2,
    pauseMs: 1,
    timeoutMs: 500,
    ...more,
  });
  return { server, endpoint };
}

test("a request as servers know it, and the reply with tokens, fingerprint and likeliest tokens", async () => {
  const { server, endpoint } = await asking((asked) =>
    reply.text(
      asked,
      "Yes",
      { likeliest: { Yes: 0.5, No: 0.25 }, finish: "length" },
      { usage: { prompt_tokens: 9, completion_tokens: 1 }, system_fingerprint: "fp" },
    ),
  );
  await using _ = server;
  const image = "data:image/png;base64,AAAA";
  const answer = await endpoint.ask({ ...question, image, topP: 0.5 });
  expect(answer).toMatchObject({
    text: "Yes",
    finish: "length",
    likeliest: [{ token: "Yes" }, { token: "No", logprob: Math.log(0.25) }],
    usage: { promptTokens: 9, answerTokens: 1 },
    fingerprint: "fp",
    seeded: true,
  });
  expect(server.asked[0]!.request.headers.authorization).toBe(`Bearer ${KEY}`);
  expect(server.asked[0]!.body).toEqual({
    model: "m",
    messages: [
      {
        role: "user",
        content: [
          { type: "image_url", image_url: { url: image } },
          { type: "text", text: "A dog?" },
        ],
      },
    ],
    max_tokens: 16,
    temperature: 0,
    top_p: 0.5,
    seed: 7,
    logprobs: true,
    top_logprobs: 20,
  });
});

test("fields that a server refuses are said otherwise, or not at all; once, not with every question", async () => {
  const refusals: [(asked: Asked) => boolean, object][] = [
    [
      ({ body }) => "max_tokens" in body,
      { message: "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead." },
    ],
    [({ body }) => "seed" in body, { message: "unknown field", param: "seed" }],
    [({ body }) => body.top_logprobs === 20, { message: "top_logprobs must be at most 5" }],
    [({ body }) => "logprobs" in body, { message: "this model has no logprobs" }],
  ];
  const { server, endpoint } = await asking((asked) => {
    const [, error] = refusals.find(([isRefused]) => isRefused(asked)) ?? [];
    if (error === undefined) reply.text(asked, "Yes");
    else reply.refuse(asked, 400, error);
  });
  await using _ = server;
  expect(await endpoint.ask(question)).toMatchObject({ text: "Yes", seeded: false, likeliest: [] });
  expect(server.asked).toHaveLength(5);
  await endpoint.ask(question);
  expect(server.asked).toHaveLength(6);
  expect(Object.keys(server.asked[5]!.body).sort()).toEqual(
    ["max_completion_tokens", "messages", "model", "temperature"].sort(),
  );
});

test.each([
  [
    401,
    { message: `Incorrect API key: ${KEY}` },
    /status 401 \(Incorrect API key: \[key\]\); the key is refused: set OPENAI_API_KEY/,
  ],
  [403, {}, /set OPENAI_API_KEY/],
  [
    404,
    { message: "The model `m` does not exist" },
    /status 404 \(The model `m` does not exist\); check the model's name, and the base URL/,
  ],
  [429, { code: "insufficient_quota" }, /nothing left/],
  [400, { param: "temperature" }, /are asked with --seeds 3 --temperature 1/],
  [400, { param: "top_p" }, /does not take what every question is asked with/],
  [
    307,
    {},
    /redirected to 127\.0\.0\.1:\d+, which is not followed; give the address itself as endpoint URL/,
  ],
])(
  "status %i that all questions share: at once, with what to do, without the key",
  async (status, error, message) => {
    const { server, endpoint } = await asking((asked) =>
      reply.refuse(asked, status, error, status === 307 ? { location: "/other" } : {}),
    );
    await using _ = server;
    const failing = endpoint.ask(question);
    await expect(failing).rejects.toThrow(ModelLoadError);
    await expect(failing).rejects.toThrow(message);
    await expect(failing).rejects.not.toThrow(KEY);
    expect(server.asked).toHaveLength(1);
  },
);

test("without a key the message asks for one", async () => {
  const { server, endpoint } = await asking((asked) => reply.refuse(asked, 401), {
    apiKey: undefined,
  });
  await using _ = server;
  await expect(endpoint.ask(question)).rejects.toThrow(
    /the server wants a key: set OPENAI_API_KEY/,
  );
});

test.each([
  ["a time-out", () => {}, "no reply in 100 ms", 3],
  ["status 500", (asked: Asked) => reply.refuse(asked, 500), "status 500", 3],
  ["status 429", (asked: Asked) => reply.refuse(asked, 429), "status 429 \\(no\\)", 3],
  [
    "no JSON",
    ({ response }: Asked) => response.end("<html>"),
    "the reply is no JSON; the base URL ends in /v1 on most servers",
    3,
  ],
  [
    "no choices",
    ({ response }: Asked) => response.end('{"choices":[]}'),
    "the reply holds no answer",
    3,
  ],
  ["no text", (asked: Asked) => reply.text(asked, null), "the reply holds no answer", 3],
  [
    "a huge reply",
    ({ response }: Asked) => response.end("x".repeat(2 ** 21)),
    "larger than 1048576 bytes",
    3,
  ],
  [
    "a filter",
    (asked: Asked) => reply.text(asked, "", { finish: "content_filter" }),
    "filter held the answer back",
    1,
  ],
  [
    "status 400",
    (asked: Asked) => reply.refuse(asked, 400, { message: "bad\u001b[31m\nimage" }),
    "status 400 \\(bad \\[31m image\\)",
    1,
  ],
])(
  "%s fails one question, after all attempts that are of use",
  async (_name, script, reason, attempts) => {
    const { server, endpoint } = await asking(script as (asked: Asked) => void, {
      timeoutMs: _name === "a time-out" ? 100 : 10_000,
    });
    await using _ = server;
    const failing = endpoint.ask(question);
    await expect(failing).rejects.toThrow(InferenceError);
    await expect(failing).rejects.toThrow(new RegExp(`m at ${server.url}: .*${reason}`));
    expect(server.asked).toHaveLength(attempts);
  },
);

test("Retry-After is waited for, in seconds or as a date, unless the run is stopped", async () => {
  const { server, endpoint } = await asking((asked) =>
    asked.attempt === 1
      ? reply.refuse(asked, 429, {}, { "retry-after": "0.2" })
      : reply.text(asked, "Yes"),
  );
  await using _ = server;
  const { ms } = await endpoint.ask(question);
  expect(ms).toBeGreaterThan(190);
  const stop = new AbortController();
  const date = { "retry-after": new Date(Date.now() + 3_600_000).toUTCString() };
  const later = await asking((asked) => {
    reply.refuse(asked, 503, {}, date);
    setTimeout(() => stop.abort(), 50);
  });
  await using __ = later.server;
  await expect(later.endpoint.ask(question, stop.signal)).rejects.toThrow(AbortedError);
  expect(later.server.asked).toHaveLength(1);
});

test("nobody there: an error of all questions, which says so", async () => {
  const { server, endpoint } = await asking(() => {});
  await server[Symbol.asyncDispose]();
  const failing = endpoint.ask(question);
  await expect(failing).rejects.toThrow(ModelLoadError);
  await expect(failing).rejects.toThrow(/no connection; is a server running at 127\.0\.0\.1:\d+\?/);
});

test("what cannot be used is refused, and no password is shown", () => {
  const made = (more: Partial<OpenAiEndpointOptions>) => () =>
    openAiEndpoint({ baseUrl: "http://localhost/v1", model: "m", ...more });
  expect(made({ model: "" })).toThrow(/expected the name of a model/);
  expect(made({ concurrency: 0 })).toThrow(/concurrency: received 0/);
  expect(made({ baseUrl: "nowhere" })).toThrow(/endpoint URL: received nowhere/);
  expect(made({ baseUrl: "http://me:password1@localhost" })).toThrow(
    /received a user name or password for localhost/,
  );
  // A query may hold a key: it is sent, and neither stored nor shown.
  expect(made({ baseUrl: "https://host/v1/?key=secret" })().url).toBe("https://host/v1");
});
