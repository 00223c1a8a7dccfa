import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { CHECKPOINTS } from "../global-setup.js";
import { groundsight, main } from "./groundsight.js";

const KEY = "very-secret";
const two = ["--model", `${CHECKPOINTS}concat`, "--model", `two=${CHECKPOINTS}group-query`];

/** A server of the built command line, once it says that it serves. */
async function started(...flags: string[]) {
  const child = spawn(
    process.execPath,
    [main, "serve", "--port", "0", "--threads", "1", ...flags],
    {
      env: { ...process.env, NO_COLOR: "1", GROUNDSIGHT_API_KEY: KEY },
    },
  );
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]!.on("data", (text) => {
      said[name] += text;
    });
  }
  await vi.waitFor(() => expect(said.stdout).toContain("\n"), { timeout: 60_000, interval: 20 });
  return { child, said, url: /http:\S+(?=\/v1;)/.exec(said.stdout)![0] };
}

const headers = { "content-type": "application/json", authorization: `Bearer ${KEY}` };
const chat = (url: string, model: string, maxTokens: number, stream = false) =>
  fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers,
    body: JSON.stringify({
      model,
      messages: [{ role: "user", content: "Hello" }],
      max_tokens: maxTokens,
      stream,
    }),
  });

/** A stream of which something has come, and all that comes. */
async function begunStream(url: string, maxTokens: number) {
  const { body } = await chat(url, "concat", maxTokens, true);
  const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = (await reader.read()).value ?? "";
  const all = (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return text;
      text += value;
    }
  })();
  all.catch(() => {});
  return { all };
}

/** The process of a server's models. */
function modelsProcess({ pid }: ChildProcess): number {
  const { stdout } = spawnSync("ps", ["-o", "pid=", "--ppid", String(pid)], { encoding: "utf8" });
  return Number(stdout);
}

describe("serve", () => {
  let server: Awaited<ReturnType<typeof started>>;
  beforeAll(async () => {
    server = await started(...two, "--log", "json", "--grace", "60");
  });
  afterAll(() => {
    server.child.kill("SIGKILL");
  });

  test("says in one line where it serves, and how to ask", async () => {
    const { stdout } = server.said;
    expect(stdout).toMatch(/^serving 2 models at http:\/\/127\.0\.0\.1:\d+\/v1; try: curl .*\n$/);
    // The example itself, but for the key, which is not shown.
    const [, curl] = /try: (.*)\n/.exec(stdout)!;
    const { stdout: answer } = spawnSync("sh", ["-c", curl!], {
      encoding: "utf8",
      env: { ...process.env, GROUNDSIGHT_API_KEY: KEY },
    });
    expect(JSON.parse(answer)).toMatchObject({ object: "chat.completion", model: "concat" });
  });

  test("serves each model by its name, to who has the key", async () => {
    const { url } = server;
    for (const model of ["concat", "two", "two:vcd:alpha=0"]) {
      const { status } = await chat(url, model, 2);
      expect([model, status]).toEqual([model, model === "two:vcd:alpha=0" ? 400 : 200]);
    }
    expect((await fetch(`${url}/v1/models`)).status).toBe(401);
  });

  test("answers for its health while it answers others", async () => {
    const { all } = await begunStream(server.url, 1500);
    let isDone = false;
    void all.then(() => {
      isDone = true;
    });
    for (let i = 0; i < 5; i++) expect((await fetch(`${server.url}/health`)).status).toBe(200);
    expect(isDone).toBe(false);
    await all;
  });

  test("tells those who wait when the models' process is killed, and answers who comes next", async () => {
    const { all } = await begunStream(server.url, 1500);
    const whole = chat(server.url, "two", 1500);
    process.kill(modelsProcess(server.child), "SIGKILL");
    expect(await all).toMatch(/data: \{"error":\{"message":"the process .*send the request again/);
    const failed = await whole;
    expect([503, 500]).toContain(failed.status);
    expect(await failed.json()).toMatchObject({ error: { type: "server_error" } });
    expect((await chat(server.url, "two", 2)).status).toBe(200);
    expect(server.said.stderr).toContain("groundsight: the process of the models has ended");
  });

  test("finishes at a signal what is under way, ends with status 0, and shows its key nowhere", async () => {
    const { child, said, url } = server;
    const { all } = await begunStream(url, 1500);
    child.kill("SIGINT");
    await vi.waitFor(() => expect(said.stderr).toContain("finishing 1 requests"));
    expect((await chat(url, "two", 2)).status).toBe(503);
    expect(await all).toMatch(/data: \[DONE\]\n\n$/);
    expect((await once(child, "exit"))[0]).toBe(0);
    expect(said.stdout + said.stderr).not.toContain(KEY);
    const lines = said.stderr.split("\n").filter((line) => line.startsWith("{"));
    expect(lines.length).toBeGreaterThan(8);
    expect(lines.map((line) => JSON.parse(line).path)).toContain("/v1/chat/completions");
    expect(said.stderr).not.toContain("Hello");
  });
});

test("a second signal ends it at once, and no process stays", async () => {
  const { child, said, url } = await started(...two.slice(0, 2), "--log", "none");
  const pid = modelsProcess(child);
  await begunStream(url, 1900);
  child.kill("SIGTERM");
  await vi.waitFor(() => expect(said.stderr).toContain("finishing 1 requests"));
  child.kill("SIGTERM");
  expect((await once(child, "exit"))[1]).toBe("SIGTERM");
  await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow(), { timeout: 60_000 });
});

test("what takes longer than the grace is ended with an error, and the status is 1", async () => {
  const { child, url } = await started(...two.slice(0, 2), "--in-process", "--grace", "0");
  expect(modelsProcess(child)).toBe(0);
  const { all } = await begunStream(url, 1900);
  child.kill("SIGTERM");
  expect(await all).toMatch(/data: \{"error":/);
  expect((await once(child, "exit"))[0]).toBe(1);
});

describe("serve refuses", () => {
  const serve = (...flags: string[]) => groundsight("serve", "--port", "0", ...flags);

  test("a model that cannot be loaded, with what doctor says", () => {
    const { status, stderr, stdout } = serve("--model", "/nope");
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toMatch(/^groundsight: .*\/nope/);
  });

  test("an address for others without a key", () => {
    const { status, stderr } = serve("--host", "0.0.0.0");
    expect(status).toBe(2);
    expect(stderr).toContain("--insecure");
  });

  test.each([
    [["--method", "vdc"], "'vcd'"],
    [["--steer", "/nope.safetensors"], "/nope.safetensors: cannot be read"],
    [["--log", "xml"], "Allowed choices are text, json, none"],
    [["--port", "70000"], "port: received 70000"],
    [["--grace", "-1"], "grace: received -1"],
    [["--grace", "1e9"], "grace: received 1000000000"],
    [["--cors", "page"], "cors: received 'page'"],
    [["--image-host", "http://a.example/"], "imageHosts: received 'http://a.example/'"],
  ])("%j", (flags, message) => {
    const { status, stderr } = serve(...two.slice(0, 2), ...flags);
    expect(stderr.replaceAll(/\s+/g, " ")).toContain(message);
    expect(status).toBeGreaterThan(0);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});
