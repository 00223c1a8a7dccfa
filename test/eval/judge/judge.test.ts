import { appendFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { InvalidArgumentError } from "../../../src/errors.js";
import { judgeAnswers, tallyText } from "../../../src/eval/judge/judge-answers.js";
import { openAiJudge } from "../../../src/eval/judge/openai-judge.js";

interface ChatRequest {
  model: string;
  temperature: number;
  messages: { content: string }[];
  response_format?: { json_schema: { schema: object } };
}
type Behaviour = (request: ChatRequest, response: ServerResponse, attempt: number) => void;

let folder: string;
let server: Server;
let requests: { body: ChatRequest; authorization: string | undefined }[];
let behaviour: Behaviour;
let atOnce = 0;
let mostAtOnce = 0;

const say = (response: ServerResponse, content: string) =>
  response.end(JSON.stringify({ choices: [{ message: { content } }] }));
const fail = (response: ServerResponse, status: number, headers = {}) =>
  response.writeHead(status, headers).end("{}");

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "judge-"));
  requests = [];
  atOnce = mostAtOnce = 0;
  const attempts = new Map<string, number>();
  server = createServer(async (request: IncomingMessage, response) => {
    mostAtOnce = Math.max(mostAtOnce, ++atOnce);
    response.on("close", () => atOnce--);
    let text = "";
    for await (const chunk of request) text += chunk;
    const body = JSON.parse(text) as ChatRequest;
    requests.push({ body, authorization: request.headers.authorization });
    const prompt = body.messages[0]?.content ?? "";
    attempts.set(prompt, (attempts.get(prompt) ?? 0) + 1);
    if (request.url === "/v1/chat/completions") behaviour(body, response, attempts.get(prompt)!);
    else fail(response, 404);
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
  await rm(folder, { recursive: true });
});

const judge = (more = {}) =>
  openAiJudge({
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/`,
    model: "fake-judge",
    apiKey: "secret",
    retries: 2,
    pauseMs: 1,
    timeoutMs: 200,
    ...more,
  });
const task = (prompt: string, schema: object | null = null) => ({
  prompt,
  schema: schema as Record<string, unknown> | null,
});
const run = (prompts: readonly string[], options = {}) =>
  judgeAnswers(
    judge(),
    prompts.map((prompt) => task(prompt)),
    {
      cache: join(folder, "verdicts.jsonl"),
      ...options,
    },
  );

describe("one verdict", () => {
  test("the request: model, key, temperature 0, schema", async () => {
    behaviour = (_, response) => say(response, '{"score": 5}');
    expect(await judge().ask(task("good?", { type: "object" }))).toBe('{"score": 5}');
    expect(requests[0]?.authorization).toBe("Bearer secret");
    expect(requests[0]?.body).toMatchObject({
      model: "fake-judge",
      temperature: 0,
      messages: [{ content: "good?" }],
      response_format: { json_schema: { schema: { type: "object" } } },
    });
  });

  test.each([
    ["a time-out", (r: ServerResponse) => void r, "no reply in 200 ms"],
    [
      "a broken reply",
      (r: ServerResponse) => r.end('{"choices": [{'),
      "the reply holds no verdict",
    ],
    ["an empty verdict", (r: ServerResponse) => say(r, ""), "the reply holds no verdict"],
    ["status 429", (r: ServerResponse) => fail(r, 429), "status 429"],
    ["status 500", (r: ServerResponse) => fail(r, 500), "status 500"],
    ["a closed connection", (r: ServerResponse) => void r.destroy(), "no connection"],
  ])(
    "%s once, then a verdict: tried again; for ever: 3 attempts and an error",
    async (_, bad, reason) => {
      behaviour = (request, response, attempt) => {
        if (attempt === 1 || request.messages[0]?.content === "bad") bad(response);
        else say(response, "Rating: 4");
      };
      expect(await judge().ask(task("once"))).toBe("Rating: 4");
      expect(requests).toHaveLength(2);
      await expect(judge().ask(task("bad"))).rejects.toThrow(`judge fake-judge: ${reason}`);
      expect(requests).toHaveLength(2 + 3);
    },
  );

  test("a verdict that is no JSON although a schema asked for it is tried again", async () => {
    behaviour = (_, response, attempt) => say(response, attempt < 3 ? "five!" : '{"score": 5}');
    expect(await judge().ask(task("graded", {}))).toBe('{"score": 5}');
    expect(requests).toHaveLength(3);
  });

  test("a refusal that will not change is not tried again", async () => {
    behaviour = (_, response) => fail(response, 401);
    await expect(judge().ask(task("x"))).rejects.toThrow("judge fake-judge: status 401");
    expect(requests).toHaveLength(1);
  });

  test("Retry-After is waited for", async () => {
    behaviour = (_, response, attempt) =>
      attempt === 1 ? fail(response, 429, { "retry-after": "0.3" }) : say(response, "fine");
    const timers = vi.spyOn(globalThis, "setTimeout");
    await judge().ask(task("later"));
    expect(timers.mock.calls.map(([, ms]) => ms)).toContain(300);
    timers.mockRestore();
  });

  test("wrong settings are refused", () => {
    expect(() => judge({ baseUrl: "nowhere" })).toThrow(/judge URL: received nowhere/);
    expect(() => judge({ retries: -1 })).toThrow(/judge retries: received -1/);
    expect(() => judge({ baseUrl: "ftp://x" })).toThrow(
      /judge URL: received ftp:\.\.\.; expected http/,
    );
    expect(() => judge({ baseUrl: "file:///etc" })).toThrow(InvalidArgumentError);
    const secret = (run: () => unknown) => {
      expect(run).toThrow(InvalidArgumentError);
      expect(run).not.toThrow(/pass\W?word1/);
    };
    secret(() => judge({ baseUrl: "http://me:password1@example.org" }));
    secret(() => judge({ apiKey: "pass\nword1" }));
  });
});

describe("many verdicts", () => {
  const prompts = Array.from({ length: 20 }, (_, i) => `answer ${i}`);
  /** Every third answer fails for ever, the next of each three at the first attempt only. */
  const unreliable: Behaviour = (request, response, attempt) => {
    const number = Number(request.messages[0]?.content.split(" ")[1]);
    if (number % 3 === 0) fail(response, 500);
    else if (number % 3 === 1 && attempt === 1) fail(response, 429);
    else say(response, `Rating: ${number % 7}`);
  };

  test("verdicts in order, failures counted by reason, retries bounded", async () => {
    behaviour = unreliable;
    const { verdicts, tally } = await run(prompts);
    expect(verdicts.map((verdict) => verdict !== null)).toEqual(prompts.map((_, i) => i % 3 !== 0));
    expect(verdicts[4]).toBe("Rating: 4");
    expect(tally).toEqual({
      judged: 13,
      cached: 0,
      failed: { "judge fake-judge: status 500": 7 },
    });
    expect(tallyText(tally)).toBe(
      "13 judged, 0 from the cache, 7 failed (judge fake-judge: status 500)",
    );
    // 7 fail three times, 7 succeed at the second attempt, 6 at once.
    expect(requests).toHaveLength(7 * 3 + 7 * 2 + 6);
  });

  test("a second run asks only for what failed; a third, with the server well, for that alone", async () => {
    behaviour = unreliable;
    const first = await run(prompts);
    requests = [];
    behaviour = (_, response) => say(response, "Rating: 1");
    const second = await run(prompts);
    expect(requests).toHaveLength(7);
    expect(second.tally).toEqual({ judged: 7, cached: 13, failed: {} });
    expect(second.verdicts[4]).toBe(first.verdicts[4]);
    requests = [];
    expect((await run(prompts)).tally).toEqual({ judged: 0, cached: 20, failed: {} });
    expect(requests).toHaveLength(0);
  });

  test("equal tasks are asked once; another judge is asked anew", async () => {
    behaviour = (_, response) => say(response, "fine");
    const { verdicts } = await run(["same", "same", "same"]);
    expect(verdicts).toEqual(["fine", "fine", "fine"]);
    expect(requests).toHaveLength(1);
    const cache = join(folder, "verdicts.jsonl");
    await judgeAnswers(judge({ model: "other" }), [task("same")], { cache });
    expect(requests).toHaveLength(2);
  });

  test("no more requests at once than allowed", async () => {
    const held: ServerResponse[] = [];
    const release = () => {
      for (const response of held.splice(0)) say(response, "fine");
    };
    // Answers only when three wait, or nothing more comes.
    behaviour = (_, response) => {
      held.push(response);
      if (held.length === 3) release();
      else setTimeout(release, 100);
    };
    await run(prompts, { concurrency: 3 });
    expect(mostAtOnce).toBe(3);
  });

  test("a cache line cut by a crash is dropped, other damage is named", async () => {
    behaviour = (_, response) => say(response, "fine");
    await run(["a"]);
    const cache = join(folder, "verdicts.jsonl");
    await appendFile(cache, '{"key": "cut');
    expect((await run(["a"])).tally.cached).toBe(1);
    await appendFile(cache, "{}\n");
    await expect(run(["a"])).rejects.toThrow(/verdicts\.jsonl line 2: no stored verdict/);
    expect((await readFile(cache, "utf8")).trim().split("\n")).toHaveLength(2);
  });
});
