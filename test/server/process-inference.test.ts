import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { ChatJob, ChatResult } from "../../src/chat/chat-job.js";
import type { ProcessInference } from "../../src/server/process-inference.js";
import { CHECKPOINTS } from "../global-setup.js";
import { copyOf } from "../node/doctor/damage.js";

// The built package, as a process runs files and not the test runner's modules.
const built = new URL("../../dist/server/process-inference.js", import.meta.url).href;
const { processInference } = (await import(
  built
)) as typeof import("../../src/server/process-inference.js");
const { loadInference } = (await import(
  new URL("../../dist/server/load-inference.js", import.meta.url).href
)) as typeof import("../../src/server/load-inference.js");

const one = { name: "one", source: `${CHECKPOINTS}concat`, options: { threads: 1 } };
const two = { name: "two", source: `${CHECKPOINTS}group-query`, options: { threads: 1 } };
const image = { data: new Uint8Array(300).fill(90), width: 10, height: 10, channels: 3 } as const;

const asked = (text: string, maxTokens = 5, more: Partial<ChatJob> = {}): ChatJob => ({
  turns: [{ role: "user", content: text }],
  options: {},
  count: 1,
  decoding: { seed: 0, maxTokens },
  ...more,
});
const endless = (text: string) => asked(text, 2000);
const textsOf = ({ choices }: ChatResult) => choices.map(({ answer }) => answer.text);

/** A chat that has begun to be answered. */
function begun(
  inference: ProcessInference,
  model = "one",
  signal?: AbortSignal,
): Promise<{ chat: Promise<ChatResult> }> {
  return new Promise((resolve) => {
    const onPiece = () => resolve({ chat });
    const chat = inference.chat(model, endless("Hello"), { onPiece, signal });
    chat.catch(() => {});
  });
}

/** Whether a process is there; one that has ended, and whose parent does not know it yet, is not. */
const isThere = (pid: number): boolean => {
  const { stdout } = spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" });
  return stdout.trim() !== "" && !stdout.startsWith("Z");
};
const ownProcesses = (): string =>
  spawnSync("ps", ["-o", "stat=,args=", "--ppid", String(process.pid)], { encoding: "utf8" })
    .stdout;
const gone = (pid: number) =>
  vi.waitFor(() => expect(isThere(pid)).toBe(false), { timeout: 60_000, interval: 50 });

describe("models in a process of their own", () => {
  let inference: ProcessInference;
  const ends: string[] = [];
  beforeAll(async () => {
    const onEnd = (how: string) => ends.push(how);
    inference = await processInference({ models: [one, two], restartWaitMs: 100_000, onEnd });
  });
  afterAll(() => inference.close());

  test("answer as models in this process do, piece by piece", async () => {
    const local = await loadInference({ models: [one, two] });
    const content = [
      { type: "image", image },
      { type: "text", text: "What?" },
    ] as const;
    const job = asked("", 8, {
      turns: [{ role: "user", content }],
      options: { method: "vcd", evidence: true },
      count: 2,
      decoding: { seed: 3, maxTokens: 8, temperature: 1, topLogprobs: 2 },
    });
    const told = async (from: typeof local) => {
      const pieces: [string, number][] = [];
      const { choices } = await from.chat("two", job, {
        onPiece: ({ text }, choice) => pieces.push([text, choice]),
      });
      const ofChoice = (choice: number) => pieces.filter(([, of]) => of === choice);
      return {
        pieces: [ofChoice(0), ofChoice(1)],
        choices: choices.map(({ answer: { timings, ...answer }, ...rest }) => ({
          ...rest,
          answer,
        })),
      };
    };
    expect(inference.models).toEqual(local.models);
    expect(await told(inference)).toEqual(await told(local));
    await local.close();
  });

  test("refuse what models in this process refuse, as they do", async () => {
    await expect(inference.chat("three", asked("?"))).rejects.toMatchObject({
      name: "InvalidArgumentError",
      code: "INVALID_ARGUMENT",
      message: "model: received 'three'; expected one of one, two",
    });
    const lost = asked("", 5, {
      turns: [{ role: "user", content: [{ type: "image", image: "/nope.png" }] }],
    });
    await expect(inference.chat("one", lost)).rejects.toMatchObject({ code: "DATASET" });
    const uncloneable = asked("?", 5, { turns: [{ role: "user", content: (() => "") as never }] });
    await expect(inference.chat("one", uncloneable)).rejects.toThrow("cannot cross");
  });

  test("stop when they are told to, and others go on", async () => {
    const abort = new AbortController();
    const { chat: stopped } = await begun(inference, "one", abort.signal);
    const other = inference.chat("one", asked("Hi"));
    abort.abort();
    await expect(stopped).rejects.toMatchObject({ code: "ABORTED" });
    expect(textsOf(await other)).toEqual(textsOf(await inference.chat("one", asked("Hi"))));
    const before = inference.chat("one", endless("?"), { signal: AbortSignal.abort() });
    await expect(before).rejects.toMatchObject({ code: "ABORTED" });
  });

  test("end a chat whose own listener fails, and no other", async () => {
    const own = new Error("own");
    const onPiece = () => {
      throw own;
    };
    await expect(inference.chat("one", endless("Hello"), { onPiece })).rejects.toBe(own);
    expect(textsOf(await inference.chat("one", asked("Hi")))).toHaveLength(1);
  });

  test("killed while they answer, fail what was in flight, and answer what comes next", async () => {
    const expected = textsOf(await inference.chat("one", asked("Hi")));
    const chats = [await begun(inference, "one"), await begun(inference, "two")];
    const { pid, restarts } = inference;
    process.kill(pid!, "SIGKILL");
    for (const { chat } of chats) {
      await expect(chat).rejects.toMatchObject({
        code: "INFERENCE",
        message:
          "the process that runs the models has ended (SIGKILL) before the answer was whole; send the request again",
      });
    }
    expect(inference.isReady).toBe(false);
    expect(textsOf(await inference.chat("one", asked("Hi")))).toEqual(expected);
    expect(inference).toMatchObject({ isReady: true, restarts: restarts + 1 });
    expect(inference.pid).not.toBe(pid);
    expect(ends).toEqual(["the process of the models has ended (SIGKILL)"]);
  });

  test("killed while they are idle, answer what comes next, unless it is given up before", async () => {
    const { pid } = inference;
    process.kill(pid!, "SIGKILL");
    await vi.waitFor(() => expect(inference.isReady).toBe(false), { interval: 1 });
    const abort = new AbortController();
    const givenUp = inference.chat("one", asked("Hi"), { signal: abort.signal });
    abort.abort();
    await expect(givenUp).rejects.toMatchObject({ code: "ABORTED" });
    expect(textsOf(await inference.chat("two", asked("Hi")))).toHaveLength(1);
  });
});

test("models that cannot be loaded are told of as by `load`", async () => {
  const lost = { source: "/nope" };
  const failure = { name: "ModelLoadError", code: "MODEL_LOAD" };
  await expect(processInference({ models: [lost] })).rejects.toMatchObject(failure);
  await expect(loadInference({ models: [one, lost] })).rejects.toMatchObject(failure);
  await expect(loadInference({ models: [] })).rejects.toThrow("expected one at least");
  // Before anything is loaded.
  await expect(loadInference({ models: [lost], method: "vdc" })).rejects.toThrow("'vcd'");
  await expect(loadInference({ models: [lost], method: "vti" })).rejects.toThrow("no file for vti");
  await expect(loadInference({ models: [lost, lost] })).rejects.toThrow("'/nope' twice");
});

test("loading that is stopped leaves no process", async () => {
  const signal = AbortSignal.timeout(100);
  await expect(processInference({ models: [one], signal })).rejects.toMatchObject({
    code: "ABORTED",
  });
  const stopped = AbortSignal.abort();
  await expect(processInference({ models: [one], signal: stopped })).rejects.toThrow("stopped");
  expect(ownProcesses()).not.toContain("inference-program");
});

test("models that cannot be loaded again are tried again, and requests wait only so long", async () => {
  const folder = await copyOf();
  const ends: string[] = [];
  const inference = await processInference({
    models: [{ ...one, source: folder }],
    restartWaitMs: 300,
    onEnd: (how) => ends.push(how),
  });
  await rename(join(folder, "config.json"), join(folder, "away.json"));
  process.kill(inference.pid!, "SIGKILL");
  await vi.waitFor(() => expect(ends).toHaveLength(2), { timeout: 60_000 });
  expect(ends[1]).toMatch(/could not be loaded again: .*config\.json/);
  await expect(inference.chat("one", asked("Hi"))).rejects.toThrow("are being loaded again");
  await rename(join(folder, "away.json"), join(folder, "config.json"));
  await vi.waitFor(() => expect(inference.isReady).toBe(true), { timeout: 60_000 });
  expect(textsOf(await inference.chat("one", asked("Hi")))).toHaveLength(1);
  await inference.close();
});

test("closed, they end what they answer and answer nothing more, and their process ends", async () => {
  const inference = await processInference({ models: [one] });
  const { pid } = inference;
  const { chat } = await begun(inference);
  await Promise.all([inference.close(), inference.close()]);
  await expect(chat).rejects.toMatchObject({ code: "ABORTED" });
  await expect(inference.chat("one", asked("Hi"))).rejects.toThrow("no longer served");
  expect(inference.isReady).toBe(false);
  await gone(pid!);
});

test("closed while they are loaded again, they leave no process", async () => {
  const inference = await processInference({ models: [one] });
  process.kill(inference.pid!, "SIGKILL");
  await vi.waitFor(() => expect(inference.isReady).toBe(false), { interval: 1 });
  const waiting = inference.chat("one", asked("Hi"));
  const failed = expect(waiting).rejects.toThrow("no longer served");
  await inference.close();
  await failed;
  expect(inference).toMatchObject({ isReady: false, pid: undefined });
  expect(ownProcesses()).not.toContain("inference-program");
});

describe("the process of the models", () => {
  /** A program that serves a model: it prints its process's id, and then does what is written. */
  const program = (rest: string) => `
    import { processInference } from ${JSON.stringify(built)};
    const inference = await processInference({ models: [${JSON.stringify(one)}] });
    console.log(inference.pid);
    const chat = (maxTokens) => inference.chat("one", {
      turns: [{ role: "user", content: "Hello" }], options: {}, count: 1, decoding: { seed: 0, maxTokens },
    });
    ${rest}`;
  const args = (rest: string) => ["--input-type=module", "-e", program(rest)];

  test.each([
    ["idle", "setInterval(() => {}, 1000);"],
    ["answering", "await chat(2000);"],
  ])("ends with its parent, however that ends: %s", async (_, rest) => {
    const parent = spawn(process.execPath, args(rest), { stdio: ["ignore", "pipe", "inherit"] });
    const [told] = (await once(parent.stdout!, "data")) as [Buffer];
    const pid = Number(told.toString());
    expect(isThere(pid)).toBe(true);
    await delay(50);
    parent.kill("SIGKILL");
    await gone(pid);
  });

  test("keeps its parent alive while it answers, and not when it is idle", () => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      args("await chat(3); console.log('answered');"),
      { encoding: "utf8", timeout: 60_000 },
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^\d+\nanswered\n$/);
  });

  test("leaves signals of a terminal to its parent", async () => {
    const inference = await processInference({ models: [one] });
    const { chat } = await begun(inference);
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.kill(inference.pid!, name);
    await delay(100);
    expect(inference).toMatchObject({ isReady: true, restarts: 0 });
    await inference.close();
    await expect(chat).rejects.toMatchObject({ code: "ABORTED" });
  });
});
