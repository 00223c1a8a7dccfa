import type {
  LanguageModelV4FinishReason,
  LanguageModelV4Usage,
  SharedV4ProviderMetadata,
} from "@ai-sdk/provider";
import type { ChatChoice } from "../chat/chat-job.js";
import { tokenLogprob } from "../chat/token-logprob.js";
import type { Answer } from "../index.js";

/** Why an answer ended, in the AI SDK's words and in ours. */
export function finishReasonOf({ finishReason }: Answer): LanguageModelV4FinishReason {
  return { unified: finishReason === "length" ? "length" : "stop", raw: finishReason };
}

/** The tokens of an answer. What was read from a cache is not told: the engine does not count it. */
export function usageOf({ usage }: Answer): LanguageModelV4Usage {
  const { promptTokens, generatedTokens } = usage;
  return {
    inputTokens: { ...UNKNOWN_USAGE.inputTokens, total: promptTokens },
    outputTokens: {
      ...UNKNOWN_USAGE.outputTokens,
      total: generatedTokens,
      text: generatedTokens,
    },
    raw: { ...usage },
  };
}

/** The tokens of an answer of which nothing is known. */
export const UNKNOWN_USAGE: LanguageModelV4Usage = {
  inputTokens: {
    total: undefined,
    noCache: undefined,
    cacheRead: undefined,
    cacheWrite: undefined,
  },
  outputTokens: { total: undefined, text: undefined, reasoning: undefined },
};

/**
 * `providerMetadata.groundsight` of an answer: how it was made, and what was asked for with it.
 *
 * @param logprobs whether log-probabilities are told, in OpenAI's form
 */
export function metadataOf(
  { answer, evidence, phrases, warnings }: ChatChoice,
  logprobs: boolean,
): SharedV4ProviderMetadata {
  const { seed, method, decoding, checkpoint, timings, details, tokens } = answer;
  const told = {
    seed,
    method,
    decoding,
    checkpoint,
    timings,
    details,
    ...(logprobs ? { logprobs: tokens.map(tokenLogprob) } : {}),
    ...(evidence === undefined ? {} : { evidence }),
    ...(phrases === undefined
      ? {}
      : { phrases, doubtful: phrases.filter(({ doubtful }) => doubtful) }),
    ...(warnings.length === 0 ? {} : { warnings }),
  };
  return { groundsight: told as unknown as SharedV4ProviderMetadata[string] };
}
