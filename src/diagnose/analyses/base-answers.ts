import type { GenerateRequest, Model, TextModel } from "../../index.js";
import { argMax } from "../../math/arg-max.js";
import { requireSameTokens } from "../evidence/same-tokens.js";

/**
 * The greedy answer of a text-only model to the very tokens that a model is prompted with.
 *
 * @param request without images
 * @throws InvalidArgumentError when the two have different tokenizers, and for what does not fit its context
 */
export async function baseAnswer(
  model: Model,
  base: TextModel,
  { prompt, turns, maxTokens = 16, signal }: GenerateRequest,
): Promise<string> {
  const asked = turns === undefined ? { prompt: prompt! } : { turns };
  const read = await model.read(
    { ...asked, answer: ".", ...(signal === undefined ? {} : { signal }) },
    { onPosition: () => {} },
  );
  const tokens = [...read.prompts[0]!];
  await requireSameTokens(model, base, tokens);
  const start = tokens.length;
  while (tokens.length < start + maxTokens) {
    let next = 0;
    const onPosition = (logits: Float32Array) => {
      next = argMax(logits);
    };
    await base.logits(tokens, onPosition, { from: tokens.length - 1, signal });
    if (next === base.endToken) break;
    tokens.push(next);
  }
  return base.decode(tokens.slice(start)).trim();
}
