import { expect, test } from "vitest";
import { type VdgdOptions, vdgd } from "../../src/methods/vdgd.js";
import { contextLogits, fakeModel } from "../../src/testing/fake-model.js";
import { END_TOKEN, fakeText } from "../../src/testing/fake-tokens.js";
import { ids, image } from "../engine/asked.js";

const DESCRIBE = "Describe it.";

/** ln p in double precision, by the definition. */
function logProbs(logits: readonly number[]): number[] {
  const max = Math.max(...logits);
  const sum = logits.reduce((total, x) => total + Math.exp(x - max), 0);
  return logits.map((x) => x - max - Math.log(sum));
}

/** The smallest set of best tokens that holds half of the probability at temperature 0.5, by sorting all of them. */
function nucleus(logits: readonly number[]): Set<number> {
  const probs = logProbs(logits.map((x) => x / 0.5)).map(Math.exp);
  const best = [...probs.keys()].sort((a, b) => probs[b]! - probs[a]!);
  const kept = new Set<number>();
  for (let mass = 0, i = 0; mass < 0.5; i++) {
    kept.add(best[i]!);
    mass += probs[best[i]!]!;
  }
  return kept;
}

const REDUCE = {
  min: (kls: number[]) => Math.min(...kls),
  sum: (kls: number[]) => kls.reduce((a, b) => a + b),
  avg: (kls: number[]) => kls.reduce((a, b) => a + b) / kls.length,
};

/** An answer by a method, with the model's own logits at every position of the description and of the answer. */
async function answered(options: VdgdOptions) {
  const description: number[][] = [];
  const answer: number[][] = [];
  let text = "";
  const model = fakeModel({
    logits(context) {
      const logits = contextLogits(context, undefined);
      // Sharper than uniform noise, so that the nucleus is small and descriptions differ.
      for (let k = 0; k < logits.length; k++) logits[k] = 2 * logits[k]!;
      logits[END_TOKEN] = -9;
      text = fakeText(context.map(({ id }) => id));
      (text.startsWith(DESCRIBE) ? description : answer).push([...logits]);
      return logits;
    },
  });
  const method = vdgd({ describePrompt: DESCRIBE, descriptionTokens: 5, ...options });
  const request = { image, prompt: "Is there a dog?", maxTokens: 10, method, topLogprobs: 2 };
  return { result: await model.generate(request), description, answer };
}

test.each([
  ["min", "paper"],
  ["sum", "paper"],
  ["avg", "paper"],
  ["min", "official"],
] as const)(
  "official, %s, scale %s: of the nucleus the token that the description's distributions support best",
  async (reduce, scale) => {
    const options = { score: "official", reduce, scale } as const;
    const { result, description, answer } = await answered(options);
    expect(description).toHaveLength(5);
    expect(answer).toHaveLength(10);
    const positions = description.map(logProbs);
    // The authors' call divides the divergence by the size of the vocabulary.
    const unit = scale === "official" ? 1 / answer[0]!.length : 1;
    let sizes = 0;
    for (const [i, logits] of answer.entries()) {
      const kept = nucleus(logits);
      sizes += kept.size;
      const scores = logits.map((_, k) =>
        kept.has(k)
          ? -unit * REDUCE[reduce](positions.map((p) => -p[k]!))
          : Number.NEGATIVE_INFINITY,
      );
      const token = result.tokens[i]!;
      expect(token.id).toBe(scores.indexOf(Math.max(...scores)));
      expect(token.logprob).toBeCloseTo(logProbs(scores)[token.id]!, 3);
    }
    // The choice is a true one: the nucleus holds several tokens, and not always the best of them is taken.
    expect(sizes / answer.length).toBeGreaterThan(2);
    const greedy = answer.map((logits) => logits.indexOf(Math.max(...logits)));
    expect(ids(result)).not.toEqual(greedy);
  },
);

test("paper: the logit less the least divergence, of tokens within beta of the best", async () => {
  const { result, description, answer } = await answered({ beta: 0.2 });
  const positions = description.map(logProbs);
  for (const [i, logits] of answer.entries()) {
    const cutoff = Math.log(0.2) + Math.max(...logits);
    const scores = logits.map((x, k) =>
      x < cutoff ? Number.NEGATIVE_INFINITY : x - Math.min(...positions.map((p) => -p[k]!)),
    );
    const token = result.tokens[i]!;
    expect(token.id).toBe(scores.indexOf(Math.max(...scores)));
    expect(token.logprob).toBeCloseTo(logProbs(scores)[token.id]!, 3);
  }
});
