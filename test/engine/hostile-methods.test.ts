import { describe, expect, test } from "vitest";
import type { Backend } from "../../src/engine/backend.js";
import type { Method, MethodRun } from "../../src/engine/method.js";
import { InferenceError, InvalidArgumentError } from "../../src/errors.js";
import { LocalModel } from "../../src/model/local-model.js";
import { fakeBackend, fakeModel } from "../../src/testing/fake-model.js";
import { fakeOnnxModel } from "../backends/fake-onnx.js";

const own = (start: (run: MethodRun) => unknown, more: object = {}): Method =>
  ({ name: "own", settings: {}, needs: {}, start, ...more }) as unknown as Method;
const good = { prompt: "What?", maxTokens: 3 };
const idle = { waiting: 0, streams: 0, cacheBytes: 0 };

describe("a method that is wrong fails its own request by name, and no other", () => {
  const cases: [string, Method, string][] = [
    ["no needs", own(() => ({}), { needs: undefined }), "method own: its needs are undefined"],
    ["needs of the old contract", own(() => ({}), { needs: ["image"] }), 'its needs are ["image"]'],
    ["no session", own(() => undefined), "method own: its session has streams undefined"],
    ["no streams", own(() => ({ streams: [] })), "method own: its session has streams []"],
    [
      "a stream without view",
      own(() => ({ streams: [{}] })),
      "expected at least one, each with a view",
    ],
    [
      "scores that are not returned",
      own(({ view }) => ({ streams: [{ view }], scores: () => undefined })),
      "the method returned no scores",
    ],
    [
      "a text without a limit",
      own(async (run) => {
        await run.generate({ view: run.view }, {} as { maxTokens: number });
        return { streams: [{ view: run.view }] };
      }),
      "maxTokens of a method's text: received undefined",
    ],
  ];

  test.each(cases)("%s", async (_, method, message) => {
    for (const model of [fakeModel() as LocalModel, fakeOnnxModel()]) {
      const expected = await model.generate(good);
      const [bad, other] = await model.generateSettled([{ ...good, method }, good]);
      expect(bad).toMatchObject({ status: "rejected" });
      expect((bad as PromiseRejectedResult).reason.message).toContain(message);
      expect((other as PromiseFulfilledResult<typeof expected>).value.tokens).toEqual(
        expected.tokens,
      );
      expect((await model.generate(good)).tokens).toEqual(expected.tokens);
      expect(model.load).toEqual(idle);
    }
  });
});

describe("a backend that breaks its contract", () => {
  const broken = (part: Partial<Backend>) =>
    new LocalModel(Object.assign(fakeBackend({ respond: () => "abc" }), part));

  test("by throwing where it should not fails requests, and leaves none waiting", async () => {
    const fail = (): never => {
      throw new Error("broken");
    };
    for (const part of [{ open: fail }, { extend: fail }] as Partial<Backend>[]) {
      const model = broken(part);
      await expect(model.generate(good)).rejects.toThrow("broken");
      await expect(model.generate(good)).rejects.toThrow("broken");
      expect(model.load.streams).toBe(0);
    }
    // The answer was whole before its contexts were closed.
    expect((await broken({ close: fail }).generate(good)).text).toBe("abc");
  });

  test("by returning too few results fails with a typed error", async () => {
    await expect(broken({ open: async () => [] }).generate(good)).rejects.toThrow(InferenceError);
    await expect(broken({ extend: async () => [] }).generate(good)).rejects.toThrow(
      "returned too few results",
    );
  });
});

describe("giving up", () => {
  test("a request rejects at once, whatever its method is waiting for", async () => {
    const abort = new AbortController();
    const slow = own(() => new Promise(() => {}));
    const answer = fakeModel().generate({ ...good, method: slow, signal: abort.signal });
    await new Promise((resolve) => setImmediate(resolve));
    abort.abort();
    await expect(answer).rejects.toThrow("aborted after 0 tokens");
  });

  test("hundreds of requests may share a signal, which then holds one listener for all of them", async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++;
      add(...args);
    };
    const model = fakeModel({ respond: () => "ok" });
    await model.generateBatch(Array.from({ length: 200 }, () => ({ ...good, signal })));
    expect(listeners).toBe(1);
  });

  test("requests that wait for their group count as waiting", async () => {
    const model = fakeModel({ respond: () => "abcdefgh" }) as LocalModel;
    const answers = Array.from({ length: 20 }, () => model.generate(good));
    while (model.load.streams < 16) await new Promise((resolve) => setImmediate(resolve));
    expect(model.load.waiting).toBe(4);
    await Promise.all(answers);
    expect(model.load).toEqual(idle);
  });
});

test("a newcomer's long prompt does not join all at once beside others", async () => {
  const backend = fakeBackend({ respond: () => "abcdefghijklmnopqrst" });
  const opened: number[] = [];
  const open = backend.open.bind(backend);
  const model = new LocalModel(
    Object.assign(backend, {
      open: (prompts: Parameters<typeof open>[0]) => {
        opened.push(prompts.reduce((sum, { prompt }) => sum + prompt.tokens.length, 0));
        return open(prompts);
      },
    }),
  );
  const stream = model.stream({ prompt: "first" });
  const iterator = stream[Symbol.asyncIterator]();
  await iterator.next();
  const long = Array.from({ length: 6 }, (_, i) => ({ prompt: `${i}`.repeat(600), maxTokens: 2 }));
  await model.generateBatch(long);
  await stream.answer;
  expect(Math.max(...opened)).toBeLessThan(1024 + 700);
});

test("a text in pieces is checked for control tokens as a whole", async () => {
  const content = [
    { type: "text", text: "What <im" },
    { type: "text", text: "age> is this" },
  ] as const;
  const asked = fakeModel().generate({ turns: [{ role: "user", content }] });
  await expect(asked).rejects.toThrow(InvalidArgumentError);
  await expect(asked).rejects.toThrow("image token <image>");
});
