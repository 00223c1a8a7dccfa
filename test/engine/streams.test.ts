import { expect, test } from "vitest";
import { AbortedError, InvalidArgumentError } from "../../src/errors.js";
import { fakeModel } from "../../src/testing/fake-model.js";

const model = fakeModel({ respond: () => "a long answer of some words" });
const ask = { prompt: "?" };

async function textOf(stream: AsyncIterable<{ text: string }>): Promise<string> {
  let text = "";
  for await (const piece of stream) text += piece.text;
  return text;
}

test("a second iteration of a stream rejects, and the first is whole", async () => {
  const stream = model.stream(ask);
  const [first, second] = await Promise.allSettled([textOf(stream), textOf(stream)]);
  expect(first).toMatchObject({ status: "fulfilled", value: (await stream.answer).text });
  expect(second).toMatchObject({ status: "rejected", reason: { code: "INVALID_ARGUMENT" } });
  await expect(textOf(stream)).rejects.toThrow("iterate it once");
});

test("pieces asked for ahead come in order, and the iteration stays ended", async () => {
  const iterator = model.stream(ask)[Symbol.asyncIterator]();
  const results = await Promise.all(Array.from({ length: 60 }, () => iterator.next()));
  const ended = results.findIndex(({ done }) => done);
  expect(
    results
      .slice(0, ended)
      .map(({ value }) => value?.text)
      .join(""),
  ).toBe(await textOf(model.stream(ask)));
  expect(results.slice(ended).every(({ done }) => done)).toBe(true);
  expect(await iterator.next()).toEqual({ done: true, value: undefined });
});

test.each(["before its first piece", "after it"])("an iteration left %s aborts", async (when) => {
  const stream = fakeModel({ respond: () => "x".repeat(500) }).stream({ ...ask, maxTokens: 400 });
  const iterator = stream[Symbol.asyncIterator]() as AsyncGenerator;
  if (when === "after it") await iterator.next();
  expect(await iterator.return(undefined)).toEqual({ done: true, value: undefined });
  await expect(stream.answer).rejects.toThrow(AbortedError);
  expect(await iterator.next()).toEqual({ done: true, value: undefined });
});

test("an iteration that waits ends when it is left, and an error is told once", async () => {
  const iterator = model.stream(ask)[Symbol.asyncIterator]() as AsyncGenerator;
  const waiting = iterator.next();
  await iterator.return(undefined);
  expect(await waiting).toMatchObject({ done: true });
  const failing = model.stream({ prompt: "" })[Symbol.asyncIterator]();
  await expect(failing.next()).rejects.toThrow(InvalidArgumentError);
  expect(await failing.next()).toMatchObject({ done: true });
});

test.each([
  undefined,
  null,
  "x",
  { ...ask, signal: {} },
  { ...ask, signal: "x" },
  { ...ask, signal: null },
  { ...ask, method: null },
] as never[])("a stream of %j rejects, and does not throw", async (request) => {
  const stream = model.stream(request);
  await expect(textOf(stream)).rejects.toThrow(InvalidArgumentError);
  await expect(stream.answer).rejects.toThrow(InvalidArgumentError);
});
