import { spawnSync } from "node:child_process";
import { truncate } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { InferenceSession } from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Answer, Method, Model } from "../../src/index.js";
import { CHECKPOINTS } from "../global-setup.js";
import { copyOf } from "./doctor/damage.js";
import { nextThread } from "./next-thread.js";

// The built package, as a worker runs files and not the test runner's modules.
const built = fileURLToPath(new URL("../../dist/index.js", import.meta.url));
const groundsight = (await import(built)) as typeof import("../../src/index.js");
const { AbortedError, GroundsightError, load, vcd } = groundsight;

const image = { data: new Uint8Array(300).fill(90), width: 10, height: 10, channels: 3 } as const;
const ids = ({ tokens }: Answer) => tokens.map(({ id }) => id);

describe("a model in a worker", () => {
  let here: Model;
  let worker: Model;
  beforeAll(async () => {
    here = await load(`${CHECKPOINTS}concat`, { threads: 1 });
    worker = await load(`${CHECKPOINTS}concat`, { threads: 1, worker: true });
  });
  afterAll(async () => {
    await here.dispose();
    await worker.dispose();
  });

  test("is the same model with the same answers, single and batched", async () => {
    expect(worker.info).toEqual(here.info);
    expect(await worker.hash()).toBe(await here.hash());
    expect(await worker.encode(" Yes")).toEqual(await here.encode(" Yes"));
    expect(await worker.decode(await worker.encode(" Yes, no"))).toBe(" Yes, no");
    const requests = [
      { image, prompt: "What is this?", method: vcd({ alpha: 2 }), maxTokens: 12, topLogprobs: 2 },
      { prompt: "Hello", temperature: 1, seed: 4, maxTokens: 9 },
    ];
    const expected = await here.generateBatch(requests);
    const reported: number[] = [];
    const received = await worker.generateBatch(requests, {
      onAnswer: (_, index) => reported.push(index),
    });
    expect(received.map(ids)).toEqual(expected.map(ids));
    expect(reported.sort()).toEqual([0, 1]);
    const single = await worker.generate(requests[0]!);
    expect({ ...single, timings: 0 }).toEqual({ ...expected[0]!, timings: 0 });
  });

  test("streams", async () => {
    const stream = worker.stream({ image, prompt: "What is this?", maxTokens: 12 });
    let text = "";
    for await (const piece of stream) text += piece.text;
    expect(text.trim()).toBe((await stream.answer).text);
    expect((await stream.answer).tokens).toHaveLength(12);
  });

  test("refuses by name what takes logits of every position", async () => {
    const { explainAnswer } = (await import(
      join(dirname(built), "diagnose", "index.js")
    )) as typeof import("../../src/diagnose/index.js");
    const explained = explainAnswer(worker, { image, prompt: "What is this?", maxTokens: 2 });
    await expect(explained).rejects.toThrow("cannot be read through a worker");
  });

  test("leaves this thread free: its sessions are opened and run in another", async () => {
    const create = vi.spyOn(InferenceSession, "create");
    const options = { threads: 1 };
    await using elsewhere = await load(`${CHECKPOINTS}concat`, { ...options, worker: true });
    await elsewhere.generate({ image, prompt: "What is this?", maxTokens: 2 });
    expect(create).not.toHaveBeenCalled();
    await using inThisThread = await load(`${CHECKPOINTS}concat`, options);
    expect(create).toHaveBeenCalledTimes(3);
    create.mockRestore();
    expect(inThisThread.info).toEqual(elsewhere.info);
  });

  test("stops at an abort", async () => {
    const abort = new AbortController();
    const stream = worker.stream({ prompt: "Hello", maxTokens: 2000, signal: abort.signal });
    const iterate = async () => {
      let pieces = 0;
      for await (const _ of stream) if (++pieces === 3) abort.abort();
      return pieces;
    };
    await expect(iterate()).rejects.toThrow(/aborted after \d+ tokens/);
    await expect(stream.answer).rejects.toMatchObject({ code: "ABORTED", name: AbortedError.name });
  });

  test("passes on errors with their code", async () => {
    const failing = worker.generate({ prompt: " " });
    await expect(failing).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      name: "InvalidArgumentError",
    });
    expect(await failing.catch((error: unknown) => GroundsightError.isInstance(error))).toBe(true);
    const message = await here.generate({ prompt: " " }).catch((error: Error) => error.message);
    await expect(failing).rejects.toMatchObject({ message });
    await expect(worker.generate({ prompt: "?", image: "/nope.png" })).rejects.toMatchObject({
      code: "DATASET",
    });
  });

  test("refuses a method that it could not rebuild", async () => {
    const own: Method = { ...vcd(), name: "own" };
    await expect(worker.generate({ prompt: "?", image, method: own })).rejects.toMatchObject({
      code: "UNSUPPORTED_CAPABILITY",
    });
  });
});

describe("a checkpoint that cannot be loaded in a worker", () => {
  test("since it is broken inside, fails there as it does here, and leaves no thread behind", async () => {
    const folder = await copyOf();
    const graph = join(folder, "onnx", "decoder_model_merged.onnx");
    await truncate(graph, 2000);
    const failure = async (worker: boolean) =>
      load(folder, { threads: 1, worker }).catch(({ code, name, message }) => ({
        code,
        name,
        message,
      }));
    const thread = nextThread();
    const [there, inThisThread] = [await failure(true), await failure(false)];
    expect(there).toEqual(inThisThread);
    expect(there).toMatchObject({ code: "MODEL_LOAD", name: "ModelLoadError" });
    expect((there as Error).message).toContain(graph);
    expect((await thread).threadId).toBe(-1);
  });

  test.each([
    [{ threads: 0 }, "INVALID_ARGUMENT"],
    [{ dtype: "q4" }, "MODEL_LOAD"],
  ] as const)("with %j is refused with %s", async (options, code) => {
    const loading = load(`${CHECKPOINTS}concat`, { worker: true, ...options });
    await expect(loading).rejects.toMatchObject({ code });
  });
});

test("an idle worker does not keep the process alive", () => {
  const script = `import { load } from ${JSON.stringify(built)}; await load(${JSON.stringify(`${CHECKPOINTS}concat`)}, { worker: true, threads: 1 });`;
  const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
    timeout: 60_000,
  });
  expect(stderr).toBe("");
  expect(status).toBe(0);
});
