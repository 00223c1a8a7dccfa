/** Other families' checkpoints take the same path: numbers of random weights, but each of them there. */
import { describe, expect, test } from "vitest";
import { explainAnswer } from "../../../src/diagnose/evidence/explain-answer.js";
import { loadTextModel } from "../../../src/node/load-text-model.js";
import { openModel, readReference, requestOf } from "../../checkpoints.js";

describe.each(["qwen2-vl-concat", "smolvlm-gqa", "paligemma-concat"])("%s", (name) => {
  test("explains its greedy answer, and refuses a base LLM with another tokenizer", async () => {
    const reference = readReference(name);
    const made = reference.cases["one image"]!;
    await using model = await openModel(name);
    const question = requestOf(reference, made);
    const { answer, tokens, image } = await explainAnswer(model, question);
    expect(tokens.map(({ id }) => id)).toEqual(made.greedy.slice(0, tokens.length));
    expect(tokens.length).toBeGreaterThan(2);
    expect(tokens.map(({ start, end }) => answer.slice(start, end)).join("")).toBe(answer);
    expect(image!.width).toBeGreaterThan(0);
    for (const { rank, probability, entropy, plausible, distorted, imageless, base } of tokens) {
      expect(rank).toBe(0);
      expect(probability).toBeGreaterThan(0);
      expect(entropy).toBeGreaterThan(0);
      expect(plausible).toBeGreaterThan(0);
      for (const view of [distorted!, imageless!]) {
        expect(Number.isFinite(view.difference)).toBe(true);
        expect(view.divergence).toBeGreaterThanOrEqual(0);
      }
      expect(base!.logprob).toBe(imageless!.logprob);
    }
    await using base = await loadTextModel("pocket-base", { threads: 1 });
    await expect(explainAnswer(model, question, { base })).rejects.toThrow("different tokenizers");
  });
});
