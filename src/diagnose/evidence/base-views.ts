import { logSoftmax, type Model, type TextModel } from "../../index.js";
import { requireSameTokens } from "./same-tokens.js";
import { type BaseNumbers, baseNumbers } from "./token-numbers.js";

/** What a base LLM makes of an answer. */
export interface BaseViews {
  /** For each token of the answer; null where it has no such token. */
  readonly views: readonly (BaseNumbers | null)[];
  readonly warnings: readonly string[];
}

/**
 * Reads an answer with a base LLM behind the prompt without its image, in one pass.
 *
 * @param prompt tokens of the prompt without its image; those that the base LLM does not have become its end of text
 * @param answer tokens
 * @throws InvalidArgumentError when the two have different tokenizers
 */
export async function baseViews(
  model: Model,
  base: TextModel,
  { prompt, answer }: { readonly prompt: readonly number[]; readonly answer: readonly number[] },
  { top, signal }: { readonly top: number; readonly signal?: AbortSignal | undefined },
): Promise<BaseViews> {
  await requireSameTokens(model, base, [...prompt, ...answer]);
  const warnings: string[] = [];
  const { vocabularySize, contextLength, endToken } = base;
  const unknown = new Set([...prompt, ...answer].filter((id) => id >= vocabularySize || id < 0));
  const known = (ids: readonly number[]) =>
    ids.flatMap((id) => (unknown.has(id) ? (endToken ?? []) : id));
  const before = known(prompt);
  // Each token of the answer keeps its place.
  const said = answer.map((id) => (unknown.has(id) ? (endToken ?? 0) : id));
  const tokens = [...before, ...said].slice(0, -1);
  if (unknown.size > 0) {
    const stood = endToken === undefined ? "were left out" : "stood as its end of text";
    warnings.push(
      `base: ${base.id} has no tokens ${[...unknown].sort((a, b) => a - b).join(", ")}, which ${stood}`,
    );
  }
  if (before.length === 0 || tokens.length > contextLength) {
    const reason =
      before.length === 0
        ? "it knows no token of the prompt"
        : `prompt and answer have ${tokens.length} tokens, its context ${contextLength}`;
    warnings.push(`base: ${base.id} could not read the answer: ${reason}`);
    return { views: answer.map(() => null), warnings };
  }
  const views: (BaseNumbers | null)[] = [];
  await base.logits(
    tokens,
    (logits) => {
      const token = answer[views.length]!;
      views.push(unknown.has(token) ? null : baseNumbers(logSoftmax(logits), token, top));
    },
    { from: before.length - 1, signal },
  );
  return { views, warnings };
}
