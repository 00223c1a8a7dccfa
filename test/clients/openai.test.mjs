// The npm client of OpenAI against the server; run by test/clients.test.ts.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { apiKey, baseURL, image, metric } from "./server.mjs";

const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const aboutImage = (text) => [
  {
    role: "user",
    content: [
      { type: "image_url", image_url: { url: image } },
      { type: "text", text },
    ],
  },
];
const described = { model: "pocket", messages: aboutImage("Describe the image.") };
const ask = (fields) => client.chat.completions.create({ ...described, ...fields });

/** The chunks of a stream, and its text. */
async function streamed(fields) {
  const chunks = [];
  for await (const chunk of await ask({ ...fields, stream: true })) chunks.push(chunk);
  const text = chunks.map(({ choices: [choice] }) => choice?.delta.content ?? "").join("");
  return { chunks, text };
}

test("models are listed with each method, and found by name", async () => {
  const { data } = await client.models.list();
  const ids = data.map(({ id }) => id);
  for (const id of ["pocket", "pocket:vcd", "pocket:verify"]) assert.ok(ids.includes(id), id);
  const { id, object } = await client.models.retrieve("pocket:vcd:alpha=2");
  assert.deepEqual({ id, object }, { id: "pocket:vcd:alpha=2", object: "model" });
});

test("an answer about an image, with what it took", async () => {
  const { choices, usage, object, model } = await ask({});
  const [{ message, finish_reason, logprobs }] = choices;
  assert.match(message.content, /couch/);
  assert.deepEqual(
    { role: message.role, finish_reason, logprobs, object, model },
    {
      role: "assistant",
      finish_reason: "stop",
      logprobs: null,
      object: "chat.completion",
      model: "pocket",
    },
  );
  assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
  assert.ok(usage.prompt_tokens_details.image_tokens > 0);
});

for (const fields of [
  {},
  { model: "pocket:vcd" },
  { temperature: 1, seed: 7 },
  { temperature: 1, seed: 8, logprobs: true },
]) {
  test(`streamed text is that of the answer in one piece: ${JSON.stringify(fields)}`, async () => {
    const whole = await ask(fields);
    const { text, chunks } = await streamed(fields);
    assert.equal(text, whole.choices[0].message.content);
    assert.equal(chunks[0].choices[0].delta.role, "assistant");
    assert.equal(chunks.at(-1).choices[0].finish_reason, whole.choices[0].finish_reason);
    assert.equal(chunks.at(-1).groundsight.seed, whole.groundsight.seed);
    if (fields.logprobs === true) {
      const tokens = chunks.flatMap(({ choices: [{ logprobs }] }) => logprobs?.content ?? []);
      assert.deepEqual(tokens, whole.choices[0].logprobs.content);
    }
  });
}

test("a stream tells its usage where asked for, and the client's own helper reads it", async () => {
  const { chunks } = await streamed({ stream_options: { include_usage: true } });
  assert.deepEqual(chunks.at(-1).choices, []);
  assert.ok(chunks.at(-1).usage.completion_tokens > 0);
  const { choices } = await client.chat.completions.stream(described).finalChatCompletion();
  assert.equal(choices[0].message.content, (await ask({})).choices[0].message.content);
});

test("several turns, a system message among them", async () => {
  const [first] = aboutImage("Is there a couch in the image?");
  const messages = [
    { role: "system", content: "Answer about the image." },
    first,
    { role: "assistant", content: "Yes." },
    { role: "user", content: "Is there a dog in the image?" },
  ];
  const { choices, usage } = await ask({ messages });
  assert.match(choices[0].message.content, /^(Yes|No)/);
  assert.ok(usage.prompt_tokens > (await ask({ messages: [first] })).usage.prompt_tokens);
});

test("log-probabilities of each token, and of others", async () => {
  const { choices } = await ask({ logprobs: true, top_logprobs: 3 });
  const [{ message, logprobs }] = choices;
  assert.equal(
    logprobs.content
      .map(({ token }) => token)
      .join("")
      .trim(),
    message.content,
  );
  for (const { token, logprob, bytes, top_logprobs } of logprobs.content) {
    assert.equal(Buffer.from(bytes).toString(), token);
    assert.equal(top_logprobs.length, 3);
    // Greedy: no other is likelier.
    assert.equal(top_logprobs[0].logprob, logprob);
    assert.ok(logprob <= 0 && top_logprobs[1].logprob <= logprob);
  }
});

test("n answers have seeds one behind the other, and the same seed gives the same answer", async () => {
  // So hot that two seeds hardly ever say the same.
  const drawn = { temperature: 5, seed: 3, max_tokens: 12 };
  const { choices } = await ask({ ...drawn, n: 2 });
  const texts = choices.map(({ message }) => message.content);
  assert.notEqual(texts[0], texts[1]);
  for (const [i, seed] of [3, 4].entries()) {
    assert.equal((await ask({ ...drawn, seed })).choices[0].message.content, texts[i]);
  }
  assert.deepEqual(
    choices.map(({ index }) => index),
    [0, 1],
  );
  const [one, other] = [await ask({ temperature: 1 }), await ask({ temperature: 1 })];
  assert.notEqual(one.groundsight.seed, other.groundsight.seed);
  const again = await ask({ temperature: 1, seed: one.groundsight.seed });
  assert.equal(again.choices[0].message.content, one.choices[0].message.content);
});

test("stop texts and bounds of tokens end an answer", async () => {
  const [{ message, finish_reason }] = (await ask({ stop: [" a "] })).choices;
  assert.deepEqual([message.content, finish_reason], ["The image shows", "stop"]);
  for (const field of ["max_completion_tokens", "max_tokens"]) {
    const { choices, usage } = await ask({ [field]: 4 });
    assert.deepEqual([choices[0].finish_reason, usage.completion_tokens], ["length", 4]);
  }
});

test("what OpenAI's protocol has no field for goes through the field groundsight", async () => {
  const asked = {
    groundsight: { method: "vcd", settings: { alpha: 2 }, evidence: true, verify: true },
  };
  const { choices, groundsight } = await ask(asked);
  assert.deepEqual([groundsight.method.name, groundsight.method.settings.alpha], ["vcd", 2]);
  const { evidence, phrases } = choices[0].groundsight;
  assert.equal(
    evidence
      .map(({ text }) => text)
      .join("")
      .trim(),
    choices[0].message.content,
  );
  assert.ok(phrases.every(({ trust }) => trust >= 0 && trust <= 1));
  const named = await ask({ model: "pocket:vcd:alpha=2" });
  assert.equal(named.choices[0].message.content, choices[0].message.content);
});

test("a client that goes away frees its place", async () => {
  const before = await metric("groundsight_aborts_total");
  const stop = new AbortController();
  // So hot that it hardly ever ends by itself.
  const create = client.chat.completions.create(
    { ...described, stream: true, temperature: 50, seed: 1, max_tokens: 1000 },
    { signal: stop.signal },
  );
  const read = async () => {
    for await (const { choices } of await create) if (choices[0].delta.content) stop.abort();
  };
  // The client ends an aborted stream without an error, and a request that has not begun with one.
  await read().catch((error) =>
    assert.ok(error instanceof OpenAI.APIUserAbortError, String(error)),
  );
  const isFree = async () =>
    (await metric("groundsight_aborts_total")) > before &&
    (await metric("groundsight_running_answers")) === 0;
  // A long time, for a busy machine.
  for (let tries = 0; !(await isFree()); tries++) {
    assert.ok(tries < 300, "the place is not free");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.match((await ask({})).choices[0].message.content, /couch/);
});

const tool = { type: "function", function: { name: "look", parameters: { type: "object" } } };
const messages = [{ role: "user", content: "Hello" }];
for (const [fields, Class, status, facts] of [
  [{ model: "other" }, OpenAI.NotFoundError, 404, { code: "model_not_found", param: "model" }],
  [{ model: "pocket:vdc" }, OpenAI.BadRequestError, 400, { param: "model" }],
  [{ messages: [] }, OpenAI.BadRequestError, 400, { param: "messages" }],
  [{ messages, tools: [tool] }, OpenAI.BadRequestError, 400, { param: "tools" }],
  [{ messages, n: 1000 }, OpenAI.BadRequestError, 400, { param: "n" }],
  [
    { messages, logprobs: true, top_logprobs: 21 },
    OpenAI.BadRequestError,
    400,
    { param: "top_logprobs" },
  ],
  [{ messages, groundsight: { metod: "vcd" } }, OpenAI.BadRequestError, 400, {}],
  [
    { messages, model: "pocket:vcd", groundsight: { method: "apc" } },
    OpenAI.BadRequestError,
    400,
    {},
  ],
  [{ messages, groundsight: { method: "vcd" } }, OpenAI.BadRequestError, 400, {}],
  [
    {
      messages: [
        {
          role: "user",
          content: [{ type: "image_url", image_url: { url: "https://example.org/a.png" } }],
        },
      ],
    },
    OpenAI.BadRequestError,
    400,
    { param: "messages[0].content[0].image_url.url" },
  ],
  [
    {
      messages: [
        {
          role: "user",
          content: [{ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }],
        },
      ],
    },
    OpenAI.BadRequestError,
    400,
    { code: "invalid_image" },
  ],
  [{ messages: [{ role: "user", content: "a".repeat(3 * 2 ** 20) }] }, OpenAI.APIError, 413, {}],
]) {
  test(`refused: ${JSON.stringify(fields).slice(0, 90)}`, async () => {
    await assert.rejects(ask(fields), (error) => {
      assert.ok(error instanceof Class, String(error));
      const { message, type, param, code } = error;
      assert.deepEqual(
        { status: error.status, type, param, code },
        { status, type: "invalid_request_error", param, code, ...facts },
      );
      assert.doesNotMatch(message, /\n\s+at |node_modules|\/work|\/home/);
      return true;
    });
    if (status !== 413) {
      await assert.rejects(ask({ ...fields, stream: true }), (error) => error.status === status);
    }
  });
}

test("a wrong key is refused", async () => {
  const stranger = new OpenAI({ baseURL, apiKey: "wrong", maxRetries: 0 });
  await assert.rejects(stranger.models.list(), (error) => {
    assert.ok(error instanceof OpenAI.AuthenticationError);
    assert.equal(error.type, "authentication_error");
    return true;
  });
});

test("more than fits the queue is refused with the time to wait, which the client's own retries heed", async () => {
  const all = (retries) =>
    Promise.allSettled(
      Array.from({ length: 12 }, () =>
        client.chat.completions.create({ ...described, n: 2 }, { maxRetries: retries }),
      ),
    );
  const refused = (await all(0)).flatMap(({ reason }) => reason ?? []);
  assert.ok(refused.length > 0);
  for (const error of refused) {
    assert.ok(error instanceof OpenAI.RateLimitError, String(error));
    assert.deepEqual([error.status, error.type], [429, "rate_limit_exceeded"]);
    assert.ok(Number(error.headers.get("retry-after")) >= 1);
  }
  assert.deepEqual(
    (await all(50)).flatMap(({ reason }) => reason ?? []),
    [],
  );
});
