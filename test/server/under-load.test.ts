import { AbortedError, InferenceError, InvalidArgumentError } from "groundsight";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { createHandler, type Handler } from "../../src/server/handler.js";
import type { RequestLog } from "../../src/server/request-log.js";
import { chatRequestOf, eventsOf, type Json, postChat, question, textsOf } from "./requests.js";
import { ScriptedInference } from "./scripted-inference.js";

let models: ScriptedInference;
let logs: RequestLog[];
beforeEach(async () => {
  models = await ScriptedInference.start();
  logs = [];
});

const serve = (limits: object = {}): Handler =>
  createHandler(models, { limits, log: (entry) => logs.push(entry) });
const streamed = question("A dog?", { stream: true });
const errorOf = async (response: Response): Promise<Json> =>
  ((await response.json()) as { error: Json }).error;

/** The first text of a stream's body. */
async function nextText(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  return new TextDecoder().decode((await reader.read()).value);
}

describe("a full server", () => {
  test("refuses what its queue has no place for, and tells when to come again", async () => {
    const handler = serve({ maxRunning: 1, maxQueued: 1 });
    const first = postChat(handler, question("1"));
    const running = await models.chatAt(0);
    const second = postChat(handler, question("2"));
    await vi.waitFor(async () => {
      expect(await metric(handler, "queued_requests")).toBe(1);
    });
    const refused = await postChat(handler, question("3"));
    expect(refused.status).toBe(429);
    expect(refused.body.error).toMatchObject({
      type: "rate_limit_exceeded",
      code: "rate_limit_exceeded",
    });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    running.end("one");
    expect((await first).body.choices[0].message.content).toBe("one");
    (await models.chatAt(1)).end("two");
    expect((await second).body.choices[0].message.content).toBe("two");
    expect(await metric(handler, "running_answers")).toBe(0);
  });

  test("refuses bodies when those of others fill what all may hold", async () => {
    const handler = serve({ maxHeldMiB: 0.5 });
    const large = () => postChat(handler, question("?", { user: "a".repeat(300_000) }));
    const first = large();
    const asked = await models.chatAt(0);
    const { status, headers, body } = await large();
    expect([status, headers.get("retry-after")]).toEqual([429, "1"]);
    expect(body.error).toMatchObject({ type: "rate_limit_exceeded" });
    asked.end();
    expect((await first).status).toBe(200);
    // Their room is free again, also behind a stream; and what is alone may have any size.
    const alone = handler(
      chatRequestOf(question("?", { stream: true, user: "a".repeat(600_000) })),
    );
    (await models.chatAt(1)).end();
    expect((await eventsOf(await alone)).at(-1)).toBe("data: [DONE]");
    const last = large();
    (await models.chatAt(2)).end();
    expect((await last).status).toBe(200);
  });

  test("counts every answer that a request asks for", async () => {
    const handler = serve({ maxRunning: 3, maxQueued: 0 });
    const first = postChat(handler, question("1", { n: 2 }));
    const running = await models.chatAt(0);
    expect((await postChat(handler, question("2", { n: 2 }))).status).toBe(429);
    const third = postChat(handler, question("3"));
    (await models.chatAt(1)).end();
    running.end();
    expect((await third).status).toBe(200);
    expect((await first).body.choices).toHaveLength(2);
  });
});

async function metric(handler: Handler, name: string): Promise<number> {
  const text = await (await handler(new Request("http://x/metrics"))).text();
  return Number(new RegExp(`^groundsight_${name} (\\S+)$`, "m").exec(text)?.[1]);
}

describe("a client that goes away", () => {
  test.each([
    ["before its turn", 0],
    ["while it is answered", 1],
  ])("%s frees its place", async (_, ahead) => {
    const handler = serve({ maxRunning: 1, maxQueued: 2 });
    const stop = new AbortController();
    const others = ahead === 0 ? [postChat(handler, question("0"))] : [];
    if (ahead === 0) await models.chatAt(0);
    const leaving = handler(chatRequestOf(question("1"), { signal: stop.signal }));
    if (ahead === 1) await models.chatAt(0);
    else await vi.waitFor(async () => expect(await metric(handler, "queued_requests")).toBe(1));
    stop.abort();
    expect((await leaving).status).toBe(499);
    expect(await metric(handler, "queued_requests")).toBe(0);
    expect(await metric(handler, "running_answers")).toBe(1 - ahead);
    if (ahead === 0) models.chats[0]!.end();
    else expect(models.chats[0]!.events.signal?.aborted).toBe(true);
    const next = postChat(handler, question("2"));
    (await models.chatAt(1)).end("next");
    expect((await next).body.choices[0].message.content).toBe("next");
    for (const other of others) expect((await other).status).toBe(200);
    expect(await metric(handler, "aborts_total")).toBe(1);
  });

  test("by leaving its stream tells the model to stop", async () => {
    const handler = serve({ maxRunning: 1 });
    const answering = handler(chatRequestOf(streamed));
    const chat = await models.chatAt(0);
    chat.say("Ye");
    const { body } = await answering;
    await body!.cancel();
    expect(chat.events.signal?.aborted).toBe(true);
    await vi.waitFor(() => expect(logs).toMatchObject([{ status: 499 }]));
    expect(await metric(handler, "running_answers")).toBe(0);
  });

  test("does not free the place before the model has stopped", async () => {
    const handler = serve({ maxRunning: 1, maxQueued: 0, timeoutMs: 20 });
    const chat = models.chat.bind(models);
    // A model that does not heed the signal at once.
    models.chat = (name, job, { onPiece } = {}) => chat(name, job, { onPiece });
    expect((await postChat(handler, question("1"))).status).toBe(408);
    expect((await postChat(handler, question("2"))).status).toBe(429);
    models.chats[0]!.end();
    await vi.waitFor(async () => expect(await metric(handler, "running_answers")).toBe(0));
  });
});

describe("a failure", () => {
  test("before the first token has a status of its own in a stream, too", async () => {
    const handler = serve();
    const answering = handler(chatRequestOf(streamed));
    (await models.chatAt(0)).fail(new InvalidArgumentError("turn 0: received an empty text"));
    const response = await answering;
    expect(response.status).toBe(400);
    expect(await errorOf(response)).toMatchObject({
      message: "turn 0: received an empty text",
      type: "invalid_request_error",
      param: "messages",
    });
  });

  test("amid a stream is its last event", async () => {
    const handler = serve();
    const answering = handler(chatRequestOf(streamed));
    const chat = await models.chatAt(0);
    chat.say("Ye");
    const response = await answering;
    chat.fail(new InferenceError("the model returned NaN"));
    const events = await eventsOf(response);
    expect(textsOf(events)).toEqual(["Ye"]);
    expect(events.at(-1)).toEqual({
      error: { message: "the model returned NaN", type: "server_error", param: null, code: null },
    });
    await vi.waitFor(() =>
      expect(logs).toMatchObject([{ status: 500, error: "the model returned NaN" }]),
    );
  });

  test("that nobody foresaw tells nothing of what is inside", async () => {
    const handler = serve();
    for (const [i, failure] of [
      new Error("ENOENT: /home/user/secret.onnx"),
      new InferenceError("cannot run /srv/models/a/decoder.onnx"),
      new TypeError("x is not a function\n    at run (file:///srv/dist/a.js:1:2)"),
      "a text",
    ].entries()) {
      const answering = postChat(handler, question("?"));
      (await models.chatAt(i)).fail(failure);
      const { status, body } = await answering;
      expect(status).toBe(500);
      expect(body.error.message).toBe("the server failed to answer; its log tells why");
      expect(JSON.stringify(body)).not.toMatch(/secret|srv|\bat /);
    }
    expect(logs[0]!.error).toContain("/home/user/secret.onnx");
  });

  test("while the models are loaded again is one that passes", async () => {
    const handler = serve();
    const answering = postChat(handler, question("?"));
    const chat = await models.chatAt(0);
    models.isReady = false;
    chat.fail(new InferenceError("the model's process ended; send the request again"));
    const { status, headers, body } = await answering;
    expect(status).toBe(503);
    expect(headers.get("retry-after")).toBe("1");
    expect(body.error.message).toContain("send the request again");
    const health = await handler(new Request("http://x/health"));
    expect(health.status).toBe(503);
    expect(await health.json()).toEqual({ status: "loading", models: ["fake"] });
  });

  test("of a server that closes is one too", async () => {
    const handler = serve();
    const answering = postChat(handler, question("?"));
    (await models.chatAt(0)).fail(new AbortedError("aborted after 3 tokens"));
    const { status, body } = await answering;
    expect([status, body.error.message]).toEqual([
      503,
      "the server is ending and gave up the answer; send the request again",
    ]);
  });
});

describe("time", () => {
  test("is limited, from the arrival on", async () => {
    const handler = serve({ timeoutMs: 30, maxRunning: 1 });
    const [first, queued] = await Promise.all([
      postChat(handler, question("1")),
      postChat(handler, question("2")),
    ]);
    for (const { status, body } of [first, queued]) {
      expect(status).toBe(408);
      expect(body.error).toMatchObject({ code: "timeout" });
    }
    for (const { events } of models.chats) expect(events.signal?.aborted).toBe(true);
  });

  test("that is over amid a stream is told by an event", async () => {
    const handler = serve({ timeoutMs: 60 });
    const answering = handler(chatRequestOf(streamed));
    (await models.chatAt(0)).say("Ye");
    const events = await eventsOf(await answering);
    expect(textsOf(events)).toEqual(["Ye"]);
    expect(events.at(-1).error).toMatchObject({ code: "timeout", type: "invalid_request_error" });
  });

  test("that nothing comes in is bridged by comments", async () => {
    const handler = serve({ keepAliveMs: 20 });
    const answering = handler(chatRequestOf(streamed));
    const chat = await models.chatAt(0);
    const response = await answering;
    expect(response.status).toBe(200);
    const reader = response.body!.getReader();
    expect(await nextText(reader)).toContain('"role":"assistant"');
    expect(await nextText(reader)).toBe(": waiting\n\n");
    chat.say("Yes");
    let text = "";
    while (!text.includes("Yes")) text = await nextText(reader);
    chat.end();
    while (!text.includes("[DONE]")) text = await nextText(reader);
    expect((await reader.read()).done).toBe(true);
  });
});

test("a slow reader gets its answer whole, and holds no place", async () => {
  const handler = serve({ maxRunning: 1, keepAliveMs: 5 });
  const answering = handler(chatRequestOf(streamed));
  const chat = await models.chatAt(0);
  for (let i = 0; i < 1000; i++) chat.say(`${i} `);
  const response = await answering;
  await new Promise((resolve) => setTimeout(resolve, 30));
  chat.end();
  const next = postChat(handler, question("2"));
  (await models.chatAt(1)).end();
  expect((await next).status).toBe(200);
  const events = await eventsOf(response);
  expect(textsOf(events.slice(0, -1))).toEqual([
    Array.from({ length: 1000 }, (_, i) => i).join(" "),
  ]);
  // Comments are not added for a reader that does not read.
  expect(events.filter((event) => event === ": waiting")).toEqual([]);
});

test("a stream that nobody reads is dropped in the end", async () => {
  const handler = serve({ timeoutMs: 50 });
  const answering = handler(chatRequestOf(streamed));
  const chat = await models.chatAt(0);
  chat.say("Yes");
  const response = await answering;
  chat.end();
  await new Promise((resolve) => setTimeout(resolve, 200));
  await expect(response.text()).rejects.toThrow("not read");
});

test("choices come as they are made", async () => {
  const handler = serve();
  const answering = handler(chatRequestOf(question("?", { stream: true, n: 2 })));
  const chat = await models.chatAt(0);
  chat.say(" a", 0);
  chat.say("\nb ", 1);
  chat.say("c", 0);
  chat.say("d", 1);
  chat.end();
  const events = await eventsOf(await answering);
  const told = events
    .slice(0, -1)
    .flatMap(({ choices }) => choices)
    .map(({ index, delta, finish_reason }) => [index, delta.content ?? finish_reason]);
  expect(told).toEqual([
    [0, ""],
    [1, ""],
    [0, "a"],
    [1, "b"],
    [0, "c"],
    [1, " d"],
    [0, "stop"],
    [1, "stop"],
  ]);
});
