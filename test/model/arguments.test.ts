import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { shown } from "../../src/arguments/numbers.js";
import type { Method } from "../../src/engine/method.js";
import { GroundsightError, InvalidArgumentError, load, type Model } from "../../src/index.js";
import { fakeModel } from "../../src/testing/fake-model.js";
import { CHECKPOINTS } from "../global-setup.js";

let model: Model;
let steered: Model;
beforeAll(async () => {
  model = await load(`${CHECKPOINTS}concat`, { threads: 1 });
  const data = Float32Array.from({ length: 2 * 96 }, (_, i) => Math.sin(i));
  const text = { layers: 2, positions: 1, width: 96, data };
  const directions = { modelHash: await model.hash(), text, facts: {} };
  steered = await model.steer(directions, { text: 0.1 });
});
afterAll(() => model.dispose());

const ask = { prompt: "Hello", maxTokens: 2 };
const any = (value: unknown) => value as never;

const WRONG: readonly [string, (model: Model) => Promise<unknown>][] = [
  ["generate(undefined)", (one) => one.generate(any(undefined))],
  ["generate(null)", (one) => one.generate(any(null))],
  ["a signal of {}", (one) => one.generate({ ...ask, signal: any({}) })],
  ["a temperature that is a symbol", (one) => one.generate({ ...ask, temperature: any(Symbol()) })],
  ["stop with holes", (one) => one.generate({ ...ask, stop: new Array(2) })],
  ["a method without needs", (one) => one.generate({ ...ask, method: any({ start() {} }) })],
  ["generateBatch({})", (one) => one.generateBatch(any({}))],
  ["generateBatch([null])", (one) => one.generateBatch([any(null)])],
  ["generateBatch with a hole", (one) => one.generateBatch(new Array(1))],
  ["batch options of null", (one) => one.generateBatch([ask], any(null))],
  ["{ maxStream: 3 }", (one) => one.generateBatch([ask], any({ maxStream: 3 }))],
  ["{ maxStreams: 0 }", (one) => one.generateBatch([ask], { maxStreams: 0 })],
  ["onPiece: 5", (one) => one.generateBatch([ask], any({ onPiece: 5 }))],
  ["onAnswer: null, settled", (one) => one.generateSettled([ask], any({ onAnswer: null }))],
  ["generateSettled(null)", (one) => one.generateSettled(any(null))],
  ["prepare(null)", (one) => one.prepare(any(null))],
  ["prepare({})", (one) => one.prepare(any({}))],
  ["probe(null)", (one) => one.probe(any(null))],
  ["probe({ edit: [] })", (one) => one.probe(any({ edit: [] }))],
  ["probe({ edits: 5 })", (one) => one.probe(any({ edits: 5 }))],
  ["probe({ edits: [null] })", (one) => one.probe(any({ edits: [null] }))],
];

describe.each(["a model", "a steered one"])("%s refuses as a wrong argument", (which) => {
  test.each(WRONG)("%s", async (_, call) => {
    const failing = call(which === "a model" ? model : steered);
    await expect(failing).rejects.toThrow(InvalidArgumentError);
    await expect(failing).rejects.toThrow(/received|did you mean|needs are/);
  });
});

test.each([undefined, null, 5, "x", { images: 1 }, { text: "much" }])(
  "steering with strengths %j is refused",
  async (strengths) => {
    const directions = { modelHash: await model.hash(), facts: {} };
    await expect(model.steer(directions, any(strengths))).rejects.toThrow(InvalidArgumentError);
  },
);

test("a steered handle that was disposed of refuses every call, and its model goes on", async () => {
  const data = new Float32Array(2 * 96).fill(0.1);
  const text = { layers: 2, positions: 1, width: 96, data };
  const handle = await model.steer(
    { modelHash: await model.hash(), text, facts: {} },
    { text: 0.2 },
  );
  await handle.dispose();
  const method = { name: "own", settings: {}, needs: {}, start() {} };
  for (const call of [
    () => handle.generate(ask),
    () => handle.generateBatch([ask]),
    () => handle.generateSettled([ask]),
    () => handle.stream(ask).answer,
    () => handle.prepare(any(method)),
    () => handle.probe(),
    () => handle.hash(),
  ]) {
    await expect(call()).rejects.toThrow("the steered model was disposed of");
  }
  expect((await model.generate(ask)).tokens).toHaveLength(2);
});

test("a steered handle whose model was disposed of refuses every call with a typed error", async () => {
  const own = await load(`${CHECKPOINTS}concat`, { threads: 1 });
  const data = new Float32Array(2 * 96).fill(0.1);
  const text = { layers: 2, positions: 1, width: 96, data };
  const handle = await own.steer({ modelHash: await own.hash(), text, facts: {} }, { text: 0.2 });
  await own.dispose();
  for (const call of [
    () => handle.generate(ask),
    () => handle.generateBatch([ask]),
    () => handle.stream(ask).answer,
    () => handle.probe(),
    () => handle.hash(),
  ]) {
    const error = await call().catch((reason: unknown) => reason);
    expect(GroundsightError.isInstance(error)).toBe(true);
  }
});

test("a method whose commit returns a promise is refused, whether it fails or not", async () => {
  const fake = fakeModel({ respond: () => "an answer" });
  for (const outcome of [async () => {}, () => Promise.reject(new Error("lost"))]) {
    const method = {
      name: "own",
      settings: {},
      needs: {},
      start: async ({ view }: { view: unknown }) => ({
        streams: [{ view }],
        commit: outcome,
      }),
    } as unknown as Method;
    const failing = fake.generate({ ...ask, method });
    await expect(failing).rejects.toThrow(InvalidArgumentError);
    await expect(failing).rejects.toThrow("commit returned a promise");
  }
});

test("any value can be shown in a message", () => {
  expect(shown({ toJSON: () => undefined })).toBe("object");
  expect(shown({ toJSON: () => Symbol("x") })).toBe("object");
  expect(shown(Object.create(null))).toBe("{}");
  expect(shown({ a: 1n })).toBe("object");
  expect(shown(() => 5)).toBe("() => 5");
  expect(shown(Symbol("x"))).toBe("Symbol(x)");
});
