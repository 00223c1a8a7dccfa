/** A LoRA adapter on the pocket checkpoint, against PEFT's own answers: see test/peers/make-adapter.py. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { load } from "../../src/index.js";

const adapter = fileURLToPath(new URL("../golden/adapter", import.meta.url));
const decoder = fileURLToPath(
  new URL("../../pocket/llava/onnx/decoder_model_merged.onnx", import.meta.url),
);

interface Expected {
  readonly checkpoint: string;
  readonly grey: number;
  readonly answers: readonly {
    readonly prompt: string;
    readonly tokens: readonly number[];
    readonly logprobs: readonly (readonly number[])[];
  }[];
  readonly plain: readonly (readonly number[])[];
}
const expected = JSON.parse(readFileSync(`${adapter}/expected.json`, "utf8")) as Expected;
const { grey } = expected;
const image = { data: new Uint8Array(96 * 96 * 3).fill(grey), width: 96, height: 96, channels: 3 };
const requests = expected.answers.map(({ prompt }) => ({
  image: image as typeof image & { channels: 3 },
  prompt,
  maxTokens: 16,
  topLogprobs: 5,
}));

test("the answers that PEFT gave are to this checkpoint", () => {
  const hash = createHash("sha256").update(readFileSync(decoder)).digest("hex");
  expect(hash, "pocket was trained again: run test/peers/make-adapter.py").toBe(
    expected.checkpoint,
  );
});

test.each(["delta", "whole"] as const)(
  "tokens and log-probabilities are those of PEFT, unmerged (cache %s)",
  async (cache) => {
    await using model = await load("pocket", { adapter, cache, threads: 1 });
    const answers = await model.generateBatch(requests);
    let farthest = 0;
    for (const [i, { tokens, checkpoint }] of answers.entries()) {
      const { tokens: ids, logprobs } = expected.answers[i]!;
      expect(tokens.map(({ id }) => id)).toEqual(ids);
      expect(checkpoint).toEqual({ id: "pocket", dtype: "fp32", adapter });
      for (const [k, { top }] of tokens.entries()) {
        for (const [j, one] of top!.entries())
          farthest = Math.max(farthest, Math.abs(one.logprob! - logprobs[k]![j]!));
      }
    }
    expect(farthest).toBeLessThan(1e-4);
    expect(farthest).toBeGreaterThan(0);
    if (process.env.SHOW) console.log("farthest", farthest);
  },
);

test("without the adapter the checkpoint answers otherwise, as it does in PyTorch", async () => {
  await using model = await load("pocket", { threads: 1 });
  const answers = await model.generateBatch(requests);
  const ids = answers.map(({ tokens }) => tokens.map(({ id }) => id));
  expect(ids).toEqual(expected.plain);
  expect(ids).not.toEqual(expected.answers.map(({ tokens }) => tokens));
  expect(answers[0]!.checkpoint).toEqual({ id: "pocket", dtype: "fp32" });
});
