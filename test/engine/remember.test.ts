import { expect, test } from "vitest";
import type { Method, MethodRun } from "../../src/engine/method.js";
import { AbortedError } from "../../src/errors.js";
import { vdgd } from "../../src/methods/vdgd.js";
import { fakeModel } from "../../src/testing/fake-model.js";
import { fakeText } from "../../src/testing/fake-tokens.js";
import { dark, image } from "./asked.js";

type Make = (run: MethodRun) => Promise<string>;

/** A method that remembers a text and notes it. */
function remembering(make: Make, bytes = 1): Method {
  return {
    name: "remembering",
    settings: {},
    needs: {},
    async start(run) {
      const text = await run.remember(
        "text",
        () => make(run),
        () => bytes,
      );
      run.note("text", text);
      return { streams: [{ view: run.view }] };
    },
  };
}

const ask = { image, prompt: "?", maxTokens: 2 };

/** Waits until everything that can go on has gone on. */
const settle = async () => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
};

test("is made once for equal images, also for requests that ask at the same time", async () => {
  let made = 0;
  const method = remembering(async () => `${++made}`);
  const model = fakeModel();
  const together = await model.generateBatch([
    { ...ask, method },
    { ...ask, prompt: "Else?", method },
    { ...ask, image: dark, method },
  ]);
  expect(together.map(({ details }) => details.text)).toEqual(["1", "1", "2"]);
  expect((await model.generate({ ...ask, method })).details.text).toBe("1");
});

test("is made anew after a failure, which is not kept", async () => {
  let made = 0;
  const method = remembering(async () => {
    if (++made === 1) throw new Error("not today");
    return `${made}`;
  });
  const model = fakeModel();
  await expect(model.generate({ ...ask, method })).rejects.toThrow("not today");
  expect((await model.generate({ ...ask, method })).details.text).toBe("2");
  expect((await model.generate({ ...ask, method })).details.text).toBe("2");
});

test("one who waits for another's makes its own when that one fails", async () => {
  let made = 0;
  const method = remembering(async () => {
    const own = ++made;
    await settle();
    if (own === 1) throw new Error("not today");
    return `${own}`;
  });
  const results = await fakeModel().generateSettled([
    { ...ask, method },
    { ...ask, method },
    { ...ask, method },
  ]);
  expect(results[0]).toMatchObject({ status: "rejected", reason: { message: "not today" } });
  for (const other of results.slice(1)) {
    expect(other).toMatchObject({ status: "fulfilled", value: { details: { text: "2" } } });
  }
});

/** A method that remembers a description of 40 tokens. */
const describing = remembering(async (run) => {
  const { text } = await run.generate({ view: run.view }, { maxTokens: 40 });
  return text;
});

test("one who waits for another's makes its own when that one is aborted", async () => {
  const expected = await fakeModel({ respond: () => "x".repeat(60) }).generate({
    ...ask,
    method: describing,
  });
  expect(expected.details.text).toBe("x".repeat(40));
  let steps = 0;
  const abort = new AbortController();
  const model = fakeModel({
    respond() {
      if (++steps === 10) abort.abort();
      return "x".repeat(60);
    },
  });
  const [first, second] = await model.generateSettled([
    { ...ask, method: describing, signal: abort.signal },
    { ...ask, method: describing },
  ]);
  expect(first).toMatchObject({ status: "rejected", reason: { code: "ABORTED" } });
  expect(second).toMatchObject({ status: "fulfilled", value: { details: expected.details } });
  expect(steps).toBeGreaterThan(40 + 10);
});

test("one who waits for another's is let go at once when it is aborted itself", async () => {
  let finish = (_: string) => {};
  const made = new Promise<string>((resolve) => {
    finish = resolve;
  });
  const method = remembering(() => made);
  const model = fakeModel();
  const abort = new AbortController();
  const first = model.generate({ ...ask, method });
  const second = model.generate({ ...ask, method, signal: abort.signal });
  await settle();
  abort.abort();
  await expect(second).rejects.toThrow(AbortedError);
  finish("made");
  expect((await first).details.text).toBe("made");
});

test("what is remembered is bounded by its bytes: the least recently used goes first", async () => {
  let made = 0;
  const MIB = 2 ** 20;
  const model = fakeModel();
  const ofSize = async (name: number, bytes: number) => {
    const before = made;
    const method = remembering(async () => `${++made}`, bytes);
    await model.generate({ ...ask, image: { ...image, data: Uint8Array.of(name, 1, 2) }, method });
    return made > before ? "made" : "known";
  };
  expect(await ofSize(1, 30 * MIB)).toBe("made");
  expect(await ofSize(2, 30 * MIB)).toBe("made");
  expect(await ofSize(1, 30 * MIB)).toBe("known");
  expect(await ofSize(3, 30 * MIB)).toBe("made");
  expect(await ofSize(2, 30 * MIB)).toBe("made");
  // Larger than the bound: used, not kept.
  expect(await ofSize(4, 65 * MIB)).toBe("made");
  expect(await ofSize(4, 65 * MIB)).toBe("made");
  expect(await ofSize(2, 30 * MIB)).toBe("known");
});

test("descriptions count with 12 bytes for each token of the vocabulary", async () => {
  const vocabulary = 2_000_000;
  let descriptions = 0;
  const model = fakeModel({
    logits(context) {
      const text = fakeText(context.map(({ id }) => id));
      if (text.endsWith("Describe.\nMODEL:")) descriptions++;
      const logits = new Float32Array(vocabulary);
      logits[257] = 9;
      return logits;
    },
  });
  const method = vdgd({ describePrompt: "Describe.", descriptionTokens: 1 });
  const describe = async (name: number) => {
    const data = Uint8Array.of(name, 0, 0);
    await model.generate({ prompt: "?", image: { ...image, data }, maxTokens: 1, method });
    return descriptions;
  };
  // 24 MB each: two are within 64 MiB, the third takes the place of the first.
  expect([await describe(1), await describe(2), await describe(1)]).toEqual([1, 2, 2]);
  expect([await describe(3), await describe(1), await describe(2)]).toEqual([3, 3, 4]);
});
