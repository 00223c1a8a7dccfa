import { spawnSync } from "node:child_process";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Answer, GenerateRequest, Method, Model } from "../../src/index.js";
import { CHECKPOINTS } from "../global-setup.js";
import { copyOf } from "./doctor/damage.js";
import { nextThread } from "./next-thread.js";

// The built package, as a worker runs files and not the test runner's modules.
const built = fileURLToPath(new URL("../../dist/index.js", import.meta.url));
const { AbortedError, DatasetError, InvalidArgumentError, load, vcd } = (await import(
  built
)) as typeof import("../../src/index.js");

async function inWorker(): Promise<{ model: Model; thread: Worker }> {
  const thread = nextThread();
  const model = await load(`${CHECKPOINTS}concat`, { threads: 1, worker: true });
  return { model, thread: await thread };
}

const short = { prompt: "?", maxTokens: 3 };
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

describe("when its worker ends, a model's calls under way fail, and the next starts another", () => {
  const program = fileURLToPath(new URL("ended-worker.mjs", import.meta.url));

  test.each([
    ["from outside", "terminate"],
    ["by an uncaught error", "crash"],
  ])("%s", (_, how) => {
    const run = () =>
      spawnSync(process.execPath, [program, built, `${CHECKPOINTS}concat`, how], {
        encoding: "utf8",
      });
    let result = run();
    // The abort of ONNX Runtime that the guide tells of says nothing about the model.
    for (let i = 0; i < 9 && result.stderr.includes("Napi::Error"); i++) result = run();
    expect(result).toMatchObject({ status: 0, stdout: "held\n", stderr: "" });
  });
});

test("disposed of after its worker has ended, it resolves, and refuses what comes later", async () => {
  const { model, thread } = await inWorker();
  await thread.terminate();
  await Promise.all([model.dispose(), model.dispose()]);
  await expect(model.hash()).rejects.toThrow("disposed");
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

test("a worker that cannot be started again says why, and the model goes on once it can", async () => {
  const folder = await copyOf();
  const thread = nextThread();
  const model = await load(folder, { threads: 1, worker: true });
  await (await thread).terminate();
  await rename(join(folder, "config.json"), join(folder, "away.json"));
  await expect(model.generate(short)).rejects.toMatchObject({ code: "MODEL_LOAD" });
  await rename(join(folder, "away.json"), join(folder, "config.json"));
  expect((await model.generate(short)).tokens).toHaveLength(3);
  await model.dispose();
});

describe("a process that ends while its worker answers ends with its own status", () => {
  const script = (end: string) => `
    import { load } from ${JSON.stringify(built)};
    const model = await load(${JSON.stringify(`${CHECKPOINTS}concat`)}, { worker: true, threads: 1 });
    const requests = Array.from({ length: 16 }, (_, i) => ({ prompt: "Hello " + i, maxTokens: 2000 }));
    let seen = 0;
    model.generateBatch(requests, { onPiece() { if (++seen === 40) { ${end} } } }).catch((error) => { throw error; });`;

  test.each([
    ["process.exit(0)", 0],
    ["process.exit(3)", 3],
    ["setImmediate(() => { throw new Error('own'); })", 1],
  ])("%s", async (end, status) => {
    for (let round = 0; round < 2; round++) {
      const run = spawnSync(process.execPath, ["--input-type=module", "-e", script(end)], {
        encoding: "utf8",
        timeout: 60_000,
      });
      expect({ status: run.status, aborted: /terminate called/.test(run.stderr) }).toEqual({
        status,
        aborted: false,
      });
    }
  });
});

describe("what a worker is given wrongly is refused as in this thread", () => {
  let models: Model[];
  beforeAll(async () => {
    const loading = [true, false].map((worker) =>
      load(`${CHECKPOINTS}concat`, { threads: 1, worker }),
    );
    models = await Promise.all(loading);
  });
  afterAll(async () => {
    for (const model of models) await model.dispose();
  });

  test.each<[string, (model: Model) => Promise<unknown>, RegExp]>([
    ["no request", (model) => model.generate(undefined as never), /request: received undefined/],
    ["no method", (model) => model.prepare(null as never), /method: received null/],
    ["a method of null", (model) => model.generate({ ...short, method: null as never }), /method:/],
    [
      "a signal that is none",
      (model) => model.generate({ ...short, signal: {} as never }),
      /signal: received \{\}; expected an AbortSignal/,
    ],
    [
      "a stream with a signal that is none",
      (model) => model.stream({ ...short, signal: "x" as never }).answer,
      /signal: received 'x'/,
    ],
    ["no list", (model) => model.generateBatch({} as never), /requests: received \{\}/],
    ["no requests", (model) => model.generateBatch([null as never]), /request: received null/],
    [
      "an unknown option",
      (model) => model.generateBatch([short], { maxstreams: 3 } as never),
      /did you mean maxStreams/,
    ],
    [
      "onPiece that is no function",
      (model) => model.generateSettled([short], { onPiece: 5 } as never),
      /onPiece: received 5; expected a function/,
    ],
  ])("%s", async (_, ask, message) => {
    const failures = [];
    for (const model of models) {
      const error = await ask(model).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(InvalidArgumentError);
      failures.push((error as Error).message);
    }
    expect(failures[0]).toMatch(message);
    expect(failures[0]).toBe(failures[1]);
  });

  test("what cannot cross threads, which the model says", async () => {
    const [model] = models as [Model, Model];
    const uncloneable = { ...short, image: { ...image, data: () => 0 } as never };
    const failing = model.generate(uncloneable);
    await expect(failing).rejects.toBeInstanceOf(InvalidArgumentError);
    await expect(failing).rejects.toThrow("cannot cross to the model's worker");
    expect((await model.generate(short)).tokens).toHaveLength(3);
  });

  test("what the caller's own functions throw fails their call, and nothing else", async () => {
    const own = new Error("own");
    const fail = () => {
      throw own;
    };
    for (const model of models) {
      await expect(model.generateBatch([short], { onAnswer: fail })).rejects.toBe(own);
      await expect(model.generateBatch([short], { onPiece: fail })).rejects.toThrow("own");
      expect((await model.generate(short)).tokens).toHaveLength(3);
    }
  });

  test("a promise that they return is waited for, and its failure fails their call", async () => {
    const unheard: unknown[] = [];
    const onUnheard = (reason: unknown) => unheard.push(reason);
    process.on("unhandledRejection", onUnheard);
    try {
      const fail = async () => {
        throw new Error("own, later");
      };
      for (const model of models) {
        for (const name of ["onPiece", "onAnswer"]) {
          const batch = model.generateBatch([short], { [name]: fail });
          await expect(batch, name).rejects.toThrow("own, later");
        }
        let told = 0;
        const slowly = async () => {
          await new Promise((resolve) => setTimeout(resolve, 30));
          told++;
        };
        await model.generateBatch([short], { onPiece: slowly, onAnswer: slowly });
        expect(told).toBeGreaterThan(1);
      }
      await new Promise(setImmediate);
      expect(unheard).toEqual([]);
    } finally {
      process.off("unhandledRejection", onUnheard);
    }
  });

  test("errors of a worker are instances of their classes", async () => {
    const [model] = models as [Model, Model];
    await expect(model.generate({ ...long, signal: AbortSignal.abort() })).rejects.toBeInstanceOf(
      AbortedError,
    );
    await expect(model.generate({ prompt: "?", image: "/nope.png" })).rejects.toBeInstanceOf(
      DatasetError,
    );
  });
});
