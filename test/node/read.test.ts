/** Reading an answer in one pass against decoding it token by token, on every kind of decoder. */
import { describe, expect, test } from "vitest";
import type { Model } from "../../src/engine/model.js";
import { withoutImages } from "../../src/engine/view.js";
import { load } from "../../src/node/load.js";
import {
  largestDifference,
  listening,
  openModel,
  readReference,
  requestOf,
} from "../checkpoints.js";
import { ids } from "../engine/asked.js";

const NAMES = [
  "idefics3-concat",
  "smolvlm-gqa",
  "qwen2-vl-concat",
  "qwen2.5-vl-gqa",
  "qwen3.5-gqa",
  "lfm2-vl-gqa",
  "gemma3-gqa",
  "gemma4-concat",
  "paligemma-concat",
  "moondream1-concat",
];

/** Logits of each position of each stream. */
async function readAll(
  model: Model,
  ...[request, streams]: [Parameters<Model["read"]>[0], Parameters<Model["read"]>[1]["streams"]?]
): Promise<{ rows: Float32Array[][]; read: Awaited<ReturnType<Model["read"]>> }> {
  const rows: Float32Array[][] = [];
  const read = await model.read(request, {
    ...(streams === undefined ? {} : { streams }),
    onPosition: ({ logits }, position, stream) => {
      rows[stream] ??= [];
      expect(rows[stream]!.length).toBe(position);
      rows[stream]!.push(logits.slice());
    },
  });
  return { rows, read };
}

describe.each(NAMES)("%s", (name) => {
  test("gives each token the logits that it had when it was decoded", async () => {
    const reference = readReference(name);
    await using model = await openModel(name);
    const made = Object.values(reference.cases)[0]!;
    const { maxTokens, ...question } = requestOf(reference, made);
    const steps: Float32Array[] = [];
    const answer = await model.generate({
      ...question,
      maxTokens: maxTokens!,
      method: listening(steps),
    });
    const answered = ids(answer);
    expect(answered.length).toBeGreaterThan(2);
    const { rows, read } = await readAll(model, { ...question, answer: answered });
    expect(read.tokens).toEqual(answered);
    expect(rows.length).toBe(1);
    expect(rows[0]!.length).toBe(answered.length + (read.hasEnd ? 1 : 0));
    steps.slice(0, answered.length).forEach((logits, i) => {
      expect(largestDifference(rows[0]![i]!, logits), `position ${i}`).toBeLessThan(2e-4);
    });
  });
});

describe("pocket", () => {
  const image = new URL("../../pocket/demo/dev_000010.png", import.meta.url);
  const question = { image, prompt: "Describe this image briefly." };

  test("reads several ways of seeing a question, each as it is alone", async () => {
    await using model = await load("pocket", { threads: 1 });
    const answer = await model.generate(question);
    const told = { ...question, answer: answer.text };
    const { rows, read } = await readAll(model, told, ({ view }) => [
      { view },
      { view: withoutImages(view) },
    ]);
    expect(read.tokens).toEqual(ids(answer));
    expect(read.hasEnd).toBe(true);
    expect(read.prompts[0]!.length).toBeGreaterThan(read.prompts[1]!.length);
    const alone = await readAll(model, told);
    const blind = await readAll(model, { prompt: question.prompt, answer: answer.text });
    [alone, blind].forEach((single, stream) => {
      single.rows[0]!.forEach((logits, i) => {
        expect(largestDifference(rows[stream]![i]!, logits)).toBeLessThan(1e-4);
      });
    });
    expect(largestDifference(rows[0]![0]!, rows[1]![0]!)).toBeGreaterThan(0.1);
  });

  test("says what is wrong with an answer to read", async () => {
    await using model = await load("pocket", { threads: 1 });
    const onPosition = () => {};
    const read = (answer: unknown) =>
      model.read({ ...question, answer: answer as string }, { onPosition });
    await expect(read("  ")).rejects.toThrow("answer: received");
    await expect(read([3, 99999])).rejects.toThrow("token ids of 0 to 1095");
    await expect(read([2])).rejects.toThrow("without an end of text");
    await expect(read(new Array(4000).fill(5))).rejects.toThrow("model's context");
    await expect(
      model.read({ ...question, answer: "a", maxTokens: 3 } as never, { onPosition }),
    ).rejects.toThrow("maxTokens");
    await expect(model.read({ ...question, answer: "a" }, {} as never)).rejects.toThrow(
      "onPosition",
    );
    const stopped = AbortSignal.abort();
    await expect(
      model.read({ ...question, answer: "a", signal: stopped }, { onPosition }),
    ).rejects.toThrow("aborted");
  });
});
