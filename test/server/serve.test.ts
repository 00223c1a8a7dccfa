import { once } from "node:events";
import { connect } from "node:net";
import type { LocalModel } from "groundsight";
import { fakeModel } from "groundsight/testing";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { Inference } from "../../src/server/inference.js";
import { localInference } from "../../src/server/local-inference.js";
import type { RequestLog } from "../../src/server/request-log.js";
import { type RunningServer, type ServeOptions, serve } from "../../src/server/serve.js";

/** Answers at length, however much it is asked for. */
const talkative = () => fakeModel({ respond: () => "a".repeat(4000) });
const fake = (model = talkative()) => localInference(new Map([["fake", model]]));

/** A server at any free port, which is there until the test ends. */
async function served(
  options: ServeOptions = {},
  inference: Inference | Promise<Inference> = fake(),
): Promise<RunningServer> {
  const server = await serve(inference, { port: 0, ...options });
  onTestFinished(() => server.close(0).then(() => {}));
  return server;
}

const asking = (maxTokens: number, more: object = {}): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({
    model: "fake",
    messages: [{ role: "user", content: "?" }],
    max_tokens: maxTokens,
    ...more,
  }),
});
const chat = (url: string, init = asking(5)) => fetch(`${url}/v1/chat/completions`, init);

/** A stream of which something has come, and the rest of it. */
async function begunStream(url: string, maxTokens: number) {
  const { body } = await chat(url, asking(maxTokens, { stream: true }));
  const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
  const first = await reader.read();
  const rest = async () => {
    let text = first.value ?? "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return text;
      text += value;
    }
  };
  return { reader, rest };
}

/** Sends bytes as they stand; resolves to what came back when the connection has ended. */
async function sent(port: number, bytes: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let text = "";
  socket.on("data", (data) => {
    text += data;
  });
  socket.write(bytes);
  await once(socket, "close");
  return text;
}

describe("a server", () => {
  test("answers at the port that it was given by the system", async () => {
    const { url, port } = await served();
    expect(url).toBe(`http://127.0.0.1:${port}`);
    expect((await chat(url)).status).toBe(200);
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ models: ["fake"] });
  });

  test("is open to others only with a key, or where it is said that it may be", async () => {
    for (const host of ["0.0.0.0", "::", "192.0.2.1", "example.org"]) {
      await expect(serve(fake(), { host, port: 0 }), host).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        message: expect.stringContaining("no API key"),
      });
    }
    await served({ host: "localhost" });
    await served({ host: "0.0.0.0", insecure: true });
    const { port } = await served({ host: "0.0.0.0", apiKeys: ["secret"] });
    expect((await chat(`http://127.0.0.1:${port}`)).status).toBe(401);
  });

  test("without a key answers by local names alone, so that no page's own name leads to it", async () => {
    const head = (host: string) =>
      `GET /health HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
    const { port } = await served();
    expect(await sent(port, head("page.example"))).toMatch(/^HTTP\/1.1 403 .*host_not_allowed/s);
    for (const host of ["localhost:8000", "127.0.0.1", "[::1]:80", "app.localhost"]) {
      expect(await sent(port, head(host)), host).toMatch(/^HTTP\/1.1 200/);
    }
    expect(await sent(port, head("a b"))).toMatch(/^HTTP\/1.1 400 .*"expected a Host header/s);
    const open = await served({ apiKeys: ["secret"] });
    expect(await sent(open.port, head("page.example"))).toMatch(/^HTTP\/1.1 200/);
  });

  test("says that a port is taken, and frees what it would have served", async () => {
    const { port } = await served();
    const model = talkative();
    const failing = serve(fake(model), { port });
    await expect(failing).rejects.toMatchObject({ code: "EADDRINUSE", syscall: "listen" });
    await expect(failing).rejects.toThrow(`at 127.0.0.1, port ${port}: another program listens`);
    await vi.waitFor(() => expect(model.generate({ prompt: "?" })).rejects.toThrow("disposed"));
  });

  test.each([
    [{ port: 70_000 }, /port.*65535/],
    [{ maxConnections: 0 }, /maxConnections/],
    [{ limits: { maxRunning: 0 } }, /maxRunning/],
  ])("refuses %j", async (options, message) => {
    const model = talkative();
    await expect(serve(fake(model), { port: 0, ...options })).rejects.toThrow(message);
    await vi.waitFor(() => expect(model.generate({ prompt: "?" })).rejects.toThrow("disposed"));
  });

  test("lets requests come again while models are loaded", async () => {
    let load = (_: Inference) => {};
    const loading = new Promise<Inference>((resolve) => {
      load = resolve;
    });
    const port = 20_000 + (process.pid % 20_000);
    const logs: RequestLog[] = [];
    const server = served({ port, log: (entry) => logs.push(entry) }, loading);
    const url = `http://127.0.0.1:${port}`;
    await vi.waitFor(() => fetch(`${url}/metrics`));
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ status: "loading" });
    const early = await chat(url);
    expect([early.status, early.headers.get("retry-after")]).toEqual([503, "1"]);
    // Told of and logged as every other.
    expect(early.headers.get("x-request-id")).toMatch(/^[\w-]{36}$/);
    expect(logs).toContainEqual(
      expect.objectContaining({ status: 503, error: expect.any(String) }),
    );
    expect(await early.json()).toMatchObject({
      error: { code: "not_ready", type: "server_error" },
    });
    load(await fake());
    await server;
    expect((await chat(url)).status).toBe(200);
  });

  test("ends where they cannot be loaded", async () => {
    const failing = Promise.reject<Inference>(new Error("no such folder"));
    await expect(serve(failing, { port: 0 })).rejects.toThrow("no such folder");
  });

  test("gives the room of a client that goes away to others", async () => {
    const model = talkative() as LocalModel;
    const server = await served({ limits: { maxRunning: 1 } }, fake(model));
    const { reader } = await begunStream(server.url, 4000);
    expect(model.load.streams).toBe(1);
    await reader.cancel();
    const gone = new AbortController();
    const whole = chat(server.url, { ...asking(4000), signal: gone.signal });
    await vi.waitFor(() => expect(model.load.streams).toBe(1));
    gone.abort();
    await expect(whole).rejects.toThrow("abort");
    expect((await chat(server.url)).status).toBe(200);
    await vi.waitFor(() => expect(server.inFlight).toBe(0));
    expect(model.load).toEqual({ waiting: 0, streams: 0, cacheBytes: 0 });
  });

  test("drops a connection that does not send its headers, or not its body, in time", async () => {
    const { port } = await served({ headersTimeoutMs: 100, requestTimeoutMs: 200 });
    const slow = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n";
    expect(await sent(port, slow)).toMatch(/^HTTP\/1.1 408/);
    const body = `${slow}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`;
    expect(await sent(port, body)).toMatch(/^(HTTP\/1.1 408|$)/);
  });
});

describe("a server that is closed", () => {
  test("finishes what is under way, and refuses what is new", async () => {
    const inner = await fake();
    let end = () => {};
    const held = new Promise<void>((resolve) => {
      end = resolve;
    });
    const holding: Inference = {
      models: inner.models,
      isReady: true,
      close: () => inner.close(),
      async chat(...asked) {
        const result = await inner.chat(...asked);
        await held;
        return result;
      },
    };
    const server = await served({}, holding);
    const { rest } = await begunStream(server.url, 5);
    const closed = server.close();
    const late = await chat(server.url);
    expect([late.status, late.headers.get("connection")]).toEqual([503, "close"]);
    expect((await fetch(`${server.url}/health`)).status).toBe(503);
    expect(server.inFlight).toBe(1);
    end();
    const text = await rest();
    expect(text).toContain('"finish_reason":"length"');
    expect(text).toMatch(/data: \[DONE\]\n\n$/);
    expect(await closed).toBe(true);
    await expect(fetch(`${server.url}/health`)).rejects.toThrow();
  });

  test("ends what takes too long with an error", async () => {
    const server = await served();
    const { rest } = await begunStream(server.url, 4000);
    expect(await server.close(0)).toBe(false);
    expect(await rest()).toMatch(/data: \{"error":\{[^\n]*\}\}\n\n$/);
    expect(await server.close(0)).toBe(false);
  });
});
