import { fileURLToPath } from "node:url";
import type { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import type { Answer, GenerateRequest, Method, Model } from "../../src/index.js";
import { CHECKPOINTS } from "../global-setup.js";
import { nextThread } from "./next-thread.js";

// The built package, as a worker runs files and not the test runner's modules.
const built = fileURLToPath(new URL("../../dist/index.js", import.meta.url));
const { apc, load, vcd } = (await import(built)) as typeof import("../../src/index.js");

async function inWorker(): Promise<{ model: Model; thread: Worker }> {
  const thread = nextThread();
  const model = await load(`${CHECKPOINTS}concat`, { threads: 1, worker: true });
  return { model, thread: await thread };
}

const long = { prompt: "Hello", maxTokens: 2000 };
const image = { data: new Uint8Array(300).fill(90), width: 10, height: 10, channels: 3 } as const;

/** Resolves when an answer has begun to arrive. */
function begun(model: Model): { started: Promise<void>; answer: Promise<Answer[]> } {
  let tell = () => {};
  const started = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const answer = model.generateBatch([long], { onPiece: () => tell() });
  answer.catch(() => undefined);
  return { started, answer };
}

describe("when its worker ends, a model's calls under way and all later ones fail", () => {
  test.each([
    ["from outside", (thread: Worker) => void thread.terminate(), /worker has ended/],
    ["by an uncaught error", (thread: Worker) => thread.postMessage(null), /worker (failed|has)/],
  ])("%s", async (_, end, message) => {
    const { model, thread } = await inWorker();
    const { started, answer } = begun(model);
    const settled = model.generateSettled([long]);
    settled.catch(() => undefined);
    await started;
    const exited = new Promise((resolve) => thread.once("exit", resolve));
    end(thread);
    const failure = { code: "INFERENCE", name: "InferenceError" };
    await expect(answer).rejects.toMatchObject(failure);
    await expect(answer).rejects.toThrow(message);
    await expect(settled).rejects.toMatchObject(failure);
    await exited;
    await expect(model.generate({ prompt: "?" })).rejects.toMatchObject(failure);
    await expect(model.hash()).rejects.toMatchObject(failure);
    await expect(model.prepare(apc())).rejects.toMatchObject(failure);
    const stream = model.stream({ prompt: "?" });
    await expect(stream.answer).rejects.toThrow("load the model again");
    await expect(model.dispose()).resolves.toBeUndefined();
    await expect(model.generate({ prompt: "?" })).rejects.toThrow("disposed");
  });
});

test("disposed of while it answers, it rejects what is under way as aborted, and its thread ends", async () => {
  const { model, thread } = await inWorker();
  const exited = new Promise((resolve) => thread.once("exit", resolve));
  const { started, answer } = begun(model);
  await started;
  const settled = model.generateSettled([long, { prompt: "Hi", maxTokens: 2000 }]);
  const disposal = model.dispose();
  await expect(answer).rejects.toMatchObject({
    code: "ABORTED",
    message: "the model was disposed of before the answer ended",
  });
  for (const result of await settled) {
    expect(result).toMatchObject({ status: "rejected", reason: { code: "ABORTED" } });
  }
  await disposal;
  await exited;
  await model.dispose();
});

test("generateSettled tells of each request what it would tell in this thread", async () => {
  const { model } = await inWorker();
  const here = await load(`${CHECKPOINTS}concat`, { threads: 1 });
  const own: Method = { ...vcd(), name: "own" };
  const requests = [
    { prompt: "Hello", maxTokens: 3 },
    { prompt: "Hello", signal: AbortSignal.abort() },
    { prompt: "" },
    { prompt: "?", image: "/nope.png" },
    { prompt: "?", method: vcd() },
    null as unknown as GenerateRequest,
    { prompt: "a</s>b" },
    { prompt: "Hi", maxTokens: 3 },
  ];
  const outcomes = (results: PromiseSettledResult<Answer>[]) =>
    results.map((result) =>
      result.status === "fulfilled"
        ? result.value.text
        : { code: result.reason.code, message: result.reason.message },
    );
  const expected = outcomes(await here.generateSettled(requests));
  expect(outcomes(await model.generateSettled(requests))).toEqual(expected);
  const withOwn = await model.generateSettled([
    requests[0]!,
    { prompt: "?", image, method: own },
    requests[7]!,
  ]);
  expect(withOwn.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(withOwn[1]).toMatchObject({ reason: { code: "UNSUPPORTED_CAPABILITY" } });
  await Promise.all([model.dispose(), here.dispose()]);
});
