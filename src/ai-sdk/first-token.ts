import type { SharedV4ProviderMetadata } from "@ai-sdk/provider";
import type { LikelyFirst } from "../objects/yes-no-answer.js";

/**
 * The likeliest first tokens of an answer, where its metadata has log-probabilities in OpenAI's form: `logprobs` of any
 * provider, a list of tokens with `top_logprobs`, also within lists or as `content`.
 */
export function likeliestFirst(
  metadata: SharedV4ProviderMetadata = {},
): readonly LikelyFirst[] | undefined {
  for (const { logprobs } of Object.values(metadata)) {
    const first = tokensOf(logprobs).find(({ token }) => token.trim() !== "");
    if (first === undefined) continue;
    const top = tokensOf(first.top_logprobs);
    // The token that was chosen may be none of the likeliest.
    return top.some(({ token }) => token === first.token) ? top : [...top, first];
  }
  return undefined;
}

interface ToldToken extends LikelyFirst {
  readonly top_logprobs?: unknown;
}

function tokensOf(told: unknown): ToldToken[] {
  if (Array.isArray(told)) return told.flatMap((one) => (isToken(one) ? one : tokensOf(one)));
  const content = (told as { content?: unknown } | null | undefined)?.content;
  return Array.isArray(content) ? tokensOf(content) : [];
}

function isToken(value: unknown): value is ToldToken {
  const { token, logprob } = (value ?? {}) as Partial<ToldToken>;
  return typeof token === "string" && typeof logprob === "number";
}
