import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { reply, type ScriptedServer, scriptedServer } from "../eval/endpoint/scripted-server.js";
import { writeSet } from "../eval/small-run.js";
import { main } from "./groundsight.js";

let folder: string;
let data: string;
let server: ScriptedServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "eval-endpoint-"));
  data = await writeSet(folder);
  server = await scriptedServer((asked) => {
    if (asked.request.headers.authorization !== "Bearer secret-key") reply.refuse(asked, 401);
    else setTimeout(() => reply.text(asked, "Yes", { likeliest: { Yes: 0.8, No: 0.1 } }), 20);
  });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

function start(args: readonly string[], key = "secret-key") {
  const env = { ...process.env, NO_COLOR: "1", OPENAI_API_KEY: key, OPENAI_BASE_URL: server.url };
  const child = spawn(process.execPath, [main, ...args], { env });
  const said = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => {
    said.stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    said.stderr += chunk;
  });
  return { child, done: once(child, "close").then(([status]) => ({ status, ...said })) };
}
const evaluating = (out: string, ...more: string[]) => [
  ...["eval", "pope", "--data", data, "--out", join(folder, out)],
  ...more,
];

test("a server is asked by default with regular alone; tokens, prices and what is not known are told", async () => {
  const prices = ["--price-in", "1", "--price-out", "2"];
  const args = evaluating("whole", "--model", "openai:m", "--concurrency", "2", ...prices);
  const { status, stdout, stderr } = await start(args).done;
  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(stdout).toMatch(
    /^What the server was asked:\n.*method +answers +requests +prompt tokens +answer tokens +price/m,
  );
  expect(stdout).toMatch(/^ *regular +24 +24 +2400 +48 +0\.0025/m);
  expect(stdout).toContain("The control apc needs logits");
  expect(server.mostAtOnce()).toBeLessThanOrEqual(2);
  const settings = await readFile(join(folder, "whole", "settings.json"), "utf8");
  expect(JSON.parse(settings).model).toEqual({ id: "m", endpoint: server.url });
  expect(settings).not.toContain("secret-key");
});

test("kill -9 in the midst: the same command goes on, to the same bytes", async () => {
  const args = evaluating("killed", "--model", `openai:m@${server.url}`, "--concurrency", "1");
  const answers = (out: string) =>
    readFile(join(folder, out, "answers.jsonl"), "utf8").catch(() => "");
  const { child, done } = start(args);
  while (!(await answers("killed")).includes("\n"))
    await new Promise((next) => setTimeout(next, 5));
  child.kill("SIGKILL");
  await done;
  const before = (await answers("killed")).length;
  const asked = server.asked.length;
  expect((await start(args).done).status).toBe(0);
  expect(await answers("killed")).toBe(await answers("whole"));
  expect(before).toBeLessThan((await answers("whole")).length);
  expect(server.asked.length - asked).toBeLessThan(24);
});

test("methods that need logits are refused by name before anything is asked", async () => {
  const asked = server.asked.length;
  const args = evaluating("refused", "--model", "openai:m", "--methods", "regular,vti");
  const { status, stderr } = await start(args).done;
  expect(stderr).toMatch(
    /^groundsight: vti: it needs the model's logits, which no endpoint gives.*\n$/,
  );
  expect(status).toBe(2);
  expect(server.asked).toHaveLength(asked);
});

test("a wrong key fails at once with what to do; nothing of it is shown", async () => {
  const { status, stderr } = await start(evaluating("key", "--model", "openai:m"), "wrong-key")
    .done;
  expect(stderr).toMatch(
    /^groundsight: m at http.*: status 401 \(no\); the key is refused: set OPENAI_API_KEY to one of this server\n$/,
  );
  expect(status).toBe(1);
});

test("tune is refused: it needs the checkpoint itself", async () => {
  const model = ["--model", "openai:m@http://me:password1@localhost", "--limit", "1"];
  const tuning = ["tune", "pocket", "--method", "apc", "--try", "beta=0.1,0.2", "--out", "nowhere"];
  const { status, stderr } = await start([...tuning, ...model]).done;
  expect(stderr).toMatch(/^groundsight: model: received openai:\.\.\., a model behind a server/);
  expect(stderr).not.toContain("password1");
  expect(status).toBe(2);
});
