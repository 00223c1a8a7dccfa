import { once } from "node:events";
import { request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createHandler } from "../../src/server/handler.js";
import type { RequestLog } from "../../src/server/request-log.js";
import { eventsOf, question, textsOf } from "./requests.js";
import { ScriptedInference } from "./scripted-inference.js";

let models: ScriptedInference;
let server: Server;
let base: string;
let logs: RequestLog[];
beforeEach(async () => {
  models = await ScriptedInference.start();
  logs = [];
  const handler = createHandler(models, {
    limits: { maxRunning: 1 },
    log: (entry) => logs.push(entry),
  });
  server = serve({ fetch: handler, port: 0, hostname: "127.0.0.1" }) as Server;
  if (!server.listening) await once(server, "listening");
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const ask = (more: object, signal?: AbortSignal): Promise<Response> =>
  fetch(`${base}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(question("?", more)),
    ...(signal === undefined ? {} : { signal }),
  });

test("a stream is sent as it comes", async () => {
  const answering = ask({ stream: true });
  const chat = await models.chatAt(0);
  chat.say("Ye");
  const response = await answering;
  const reader = response.body!.getReader();
  let text = "";
  while (!text.includes("Ye")) text += new TextDecoder().decode((await reader.read()).value);
  expect(text).not.toContain("DONE");
  chat.say("s");
  chat.end();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    text += new TextDecoder().decode(part.value);
  }
  expect(textsOf((await eventsOf(new Response(text))).slice(0, -1))).toEqual(["Yes"]);
});

test.each([
  ["before its first token", { stream: true }, false],
  ["amid a stream", { stream: true }, true],
  ["without a stream", {}, false],
])("a client that hangs up %s ends its answer", async (_, more, isBegun) => {
  const stop = new AbortController();
  const answering = ask(more, stop.signal).then(async (response) => response.text());
  answering.catch(() => {});
  const chat = await models.chatAt(0);
  if (isBegun) {
    chat.say("Ye");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  stop.abort();
  await vi.waitFor(() => expect(chat.events.signal?.aborted).toBe(true));
  await vi.waitFor(() => expect(logs).toMatchObject([{ status: 499 }]));
  const next = ask({});
  (await models.chatAt(1)).end("next");
  expect(await (await next).json()).toMatchObject({ choices: [{ message: { content: "next" } }] });
});

test("a body that is cut off is no request, and takes no place", async () => {
  const cut = httpRequest(`${base}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "content-length": "1000" },
  });
  cut.on("error", () => {});
  cut.write('{"model":');
  await new Promise((resolve) => setTimeout(resolve, 50));
  cut.destroy();
  await vi.waitFor(() => expect(logs).toHaveLength(1));
  expect(logs[0]!.status).toBeGreaterThanOrEqual(400);
  const next = ask({});
  (await models.chatAt(0)).end();
  expect((await next).status).toBe(200);
});

test("a body that is too large is refused while it is sent", async () => {
  const response = await fetch(`${base}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "x".repeat(40 * 2 ** 20),
  }).catch((error: unknown) => error);
  // The connection may be closed before the client has read why.
  if (response instanceof Response) expect(response.status).toBe(413);
  await vi.waitFor(() => expect(logs).toMatchObject([{ status: 413 }]));
});
