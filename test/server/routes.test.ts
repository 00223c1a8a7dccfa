import { beforeEach, describe, expect, test } from "vitest";
import { createHandler, type HandlerOptions } from "../../src/server/handler.js";
import { logText, type RequestLog } from "../../src/server/request-log.js";
import { chatRequestOf, type Json, postChat, question } from "./requests.js";
import { ScriptedInference } from "./scripted-inference.js";

let models: ScriptedInference;
let logs: RequestLog[];
beforeEach(async () => {
  models = await ScriptedInference.start();
  logs = [];
});

const serve = (options: HandlerOptions = {}) => {
  const handler = createHandler(models, { log: (entry) => logs.push(entry), ...options });
  const ask = async (path: string, init?: RequestInit) => {
    const response = await handler(new Request(`http://localhost${path}`, init));
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json");
    return {
      status: response.status,
      headers: response.headers,
      body: (isJson ? JSON.parse(text) : text) as Json,
    };
  };
  const chat = async (body: object, init?: RequestInit) => {
    const answering = postChat(handler, body, init);
    const asked = models.chatAt(models.chats.length).then((one) => {
      one.say("Yes");
      one.end("Yes");
      return one.job;
    });
    const { status } = await answering;
    return { status, job: status === 200 ? await asked : undefined };
  };
  return { ask, chat, handler };
};

describe("models", () => {
  test("are listed with each method that they offer", async () => {
    const { ask } = serve();
    const { body } = await ask("/v1/models");
    expect(body).toMatchObject({ object: "list", data: [{ id: "fake" }, { id: "fake:regular" }] });
    expect(body.data[1]).toEqual({
      id: "fake:regular",
      object: "model",
      created: expect.any(Number),
      owned_by: "groundsight",
      groundsight: {
        model: "fake",
        method: "regular",
        family: "fake",
        dtype: "fp32",
        device: "cpu",
        contextLength: 4096,
      },
    });
    expect(Math.abs(body.data[1].created - Date.now() / 1000)).toBeLessThan(60);
  });

  test("are told one by one, with a method's settings too", async () => {
    const { ask } = serve();
    expect((await ask("/v1/models/fake")).body).toMatchObject({ id: "fake" });
    const named = await ask("/v1/models/fake%3Avcd:alpha=2");
    expect(named.body).toMatchObject({ id: "fake:vcd:alpha=2", groundsight: { model: "fake" } });
    const unknown = await ask("/v1/models/gpt-4o");
    expect(unknown.status).toBe(404);
    expect(unknown.body.error).toMatchObject({ param: "model", code: "model_not_found" });
    expect((await ask("/v1/models/fake:vdc")).status).toBe(400);
  });
});

describe("a chat's model and method", () => {
  test.each([
    [{ model: "fake" }, {}],
    [{ model: "fake:vcd" }, { method: "vcd" }],
    [{ model: "fake:vti+vcd:alpha=2" }, { method: "vti+vcd:alpha=2" }],
    [
      { groundsight: { method: "vcd", settings: { alpha: 2 } } },
      { method: "vcd", settings: { alpha: 2 } },
    ],
    [{ model: "fake:vcd", groundsight: { method: "vcd" } }, { method: "vcd" }],
  ])("of %j are %j", async (fields, options) => {
    const { job } = await serve().chat(question("?", fields));
    expect(job!.options).toEqual(options);
  });

  test.each([
    [{ model: "gpt-4o" }, 404, "model"],
    [{ model: "fak" }, 404, "model"],
    [{ model: "fakevcd" }, 404, "model"],
    [{ model: "fake:" }, 400, "model"],
    [{ model: "fake:vdc" }, 400, "model"],
    [{ model: "fake:constructor" }, 400, "model"],
    [{ groundsight: { method: "vdc" } }, 400, "groundsight.method"],
    [{ model: "fake:vcd", groundsight: { method: "apc" } }, 400, "groundsight.method"],
  ])("of %j are refused", async (fields, status, param) => {
    const { body, ...told } = await postChat(serve().handler, question("?", fields));
    expect(told.status).toBe(status);
    expect(body.error.param).toBe(param);
  });
});

describe("seeds", () => {
  test("are 0 where nothing is drawn, else new ones, unless they are given", async () => {
    const { chat } = serve();
    const seed = async (fields: object) => (await chat(question("?", fields))).job!.decoding.seed;
    expect(await seed({})).toBe(0);
    expect(await seed({ seed: 5 })).toBe(5);
    expect(await seed({ temperature: 1, seed: 5 })).toBe(5);
    const drawn = [await seed({ temperature: 1 }), await seed({ temperature: 1 })];
    expect(drawn[0]).not.toBe(drawn[1]);
    for (const one of drawn) expect(Number.isSafeInteger(one) && one >= 0).toBe(true);
  });

  test("and the temperature are those of the server where it has one", async () => {
    const { chat } = serve({ temperature: 0.7 });
    const { job } = await chat(question("?"));
    expect(job!.decoding.temperature).toBe(0.7);
    expect(job!.decoding.seed).not.toBe(0);
    const greedy = await chat(question("?", { temperature: 0 }));
    expect(greedy.job!.decoding).toMatchObject({ temperature: 0, seed: 0 });
  });
});

describe("other addresses", () => {
  test.each([
    ["GET", "/", 404],
    ["POST", "/v1/completions", 404],
    ["GET", "/v1/models/", 404],
    ["GET", "/v1/chat/completions", 405, "POST"],
    ["DELETE", "/v1/models/fake", 405, "GET"],
    ["POST", "/health", 405, "GET"],
    ["GET", `/${"a".repeat(500)}`, 404],
    ["GET", "/v1/models/%ff%00", 404],
    ["GET", "/../../etc/passwd", 404],
  ])("%s %s is refused", async (method, path, status, allow?: string) => {
    const answer = await serve().ask(path, { method });
    expect(answer.status).toBe(status);
    expect(answer.headers.get("allow")).toBe(allow ?? null);
    expect(Object.keys(answer.body.error)).toEqual(["message", "type", "param", "code"]);
    expect(answer.body.error.message.length).toBeLessThan(250);
  });
});

describe("API keys", () => {
  const keys = { apiKeys: ["first-key", "second-key"] };
  const bearer = (key: string) => ({ headers: { authorization: key } });

  test.each(["Bearer first-key", "bearer  second-key"])("let requests pass: %s", async (key) => {
    const { ask, chat } = serve(keys);
    expect((await ask("/v1/models", bearer(key))).status).toBe(200);
    expect((await ask("/metrics", bearer(key))).status).toBe(200);
    expect((await chat(question("?"), bearer(key))).status).toBe(200);
  });

  test.each([
    undefined,
    "",
    "Bearer",
    "Bearer first-keY",
    "Bearer first-key second-key",
    "Bearer first",
    "Basic first-key",
    "first-key",
  ])("keep others out: %s", async (key) => {
    const { ask, handler } = serve(keys);
    const init = key === undefined ? {} : bearer(key);
    for (const path of ["/v1/models", "/metrics", "/nothing"]) {
      const { status, headers, body } = await ask(path, init);
      expect(status).toBe(401);
      expect(headers.get("www-authenticate")).toBe("Bearer");
      expect(body.error).toMatchObject({ type: "authentication_error", code: "invalid_api_key" });
      expect(JSON.stringify(body)).not.toContain("first-key");
    }
    const { status } = await postChat(handler, question("?"), init);
    expect(status).toBe(401);
    expect((await ask("/health", init)).status).toBe(200);
    expect(JSON.stringify(logs)).not.toContain("first-k");
  });

  test.each(["", "a b", "ä", "a\n"])("%j is none", (key) => {
    expect(() => createHandler(models, { apiKeys: [key] })).toThrow(/^apiKeys: /);
  });
});

describe("pages of other sites", () => {
  const preflight = {
    method: "OPTIONS",
    headers: { origin: "https://a.example", "access-control-request-method": "POST" },
  };

  test("may not ask, unless they are allowed to", async () => {
    const allowed = async (options: HandlerOptions) =>
      (await serve(options).ask("/v1/chat/completions", preflight)).headers.get(
        "access-control-allow-origin",
      );
    expect(await allowed({})).toBeNull();
    expect(await allowed({ cors: ["https://b.example"] })).toBeNull();
    expect(await allowed({ cors: ["https://a.example"] })).toBe("https://a.example");
    // A preflight carries no key.
    expect(await allowed({ cors: "*", apiKeys: ["key"] })).toBe("*");
    expect(() => createHandler(models, { cors: ["a.example"] })).toThrow(/^cors: /);
  });
});

describe("what is told of requests", () => {
  test("holds neither prompts nor answers, unless that is asked for", async () => {
    await serve().chat(question("secret question"));
    await serve({ logPrompts: true }).chat(question("secret question"));
    expect(logs).toHaveLength(2);
    expect(logs[0]).toEqual({
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      id: expect.any(String),
      method: "POST",
      path: "/v1/chat/completions",
      status: 200,
      ms: expect.any(Number),
      model: "fake",
      decoding: "regular",
      promptTokens: expect.any(Number),
      generatedTokens: 3,
      queuedMs: expect.any(Number),
    });
    expect(logs[1]).toMatchObject({ prompt: ["secret question"], answers: ["Yes"] });
    expect(logText(logs[0]!)).toMatch(
      /^\S+Z POST \/v1\/chat\/completions 200 \d+ ms \S+ model="fake"/,
    );
  });

  test("has the client's id of the request, where that is one", async () => {
    const { ask } = serve();
    const idOf = async (id: string) =>
      (await ask("/health", { headers: { "x-request-id": id } })).headers.get("x-request-id");
    expect(await idOf("trace-1.2:3")).toBe("trace-1.2:3");
    expect(await idOf(`a${"b".repeat(200)}`)).toMatch(/^[0-9a-f-]{36}$/);
    expect(await idOf('"; drop')).toMatch(/^[0-9a-f-]{36}$/);
    expect(logs[0]!.id).toBe("trace-1.2:3");
  });

  test("is what a log that fails does not disturb", async () => {
    const { ask } = serve({
      log: () => {
        throw new Error("disk full");
      },
    });
    expect((await ask("/health")).status).toBe(200);
  });

  test("is counted for Prometheus, by bounded labels", async () => {
    const { ask, chat } = serve();
    await chat(question("?", { model: "fake:vcd:alpha=2" }));
    await chat(question("?"));
    await ask("/nothing");
    await ask("/something");
    models.restarts = 2;
    const { body, headers } = await ask("/metrics");
    expect(headers.get("content-type")).toMatch(/^text\/plain; version=/);
    for (const line of [
      'groundsight_requests_total{route="/v1/chat/completions",status="200"} 2',
      'groundsight_requests_total{route="other",status="404"} 2',
      'groundsight_generated_tokens_total{model="fake",method="regular"} 6',
      'groundsight_first_token_seconds_count{model="fake",method="regular"} 2',
      'groundsight_answer_seconds_count{model="fake",method="regular"} 2',
      "groundsight_restarts_total 2",
      "groundsight_ready 1",
    ]) {
      expect(body.split("\n")).toContain(line);
    }
    expect(body).not.toContain("alpha");
  });
});

test("two handlers in a process count apart", async () => {
  const [one, two] = [serve(), serve()];
  await one.ask("/health");
  expect((await two.ask("/metrics")).body).not.toContain('route="/health"');
});

test.each([
  { limits: { maxRunning: 0 } },
  { limits: { maxRuning: 1 } },
  { temperature: -1 },
  { imageHosts: ["http://a.example"] },
])("options %j are refused", (options) => {
  expect(() => createHandler(models, options as HandlerOptions)).toThrow(
    expect.objectContaining({ code: "INVALID_ARGUMENT" }),
  );
});

test("a request for JSON is asked for, so that no page can send one unasked", async () => {
  const { handler } = serve();
  const plain = await handler(
    chatRequestOf(question("?"), { headers: { "content-type": "text/plain" } }),
  );
  expect(plain.status).toBe(415);
});
