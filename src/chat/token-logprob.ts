import type { AnswerToken, ScoredToken } from "../core.js";

/** A token as OpenAI tells it. */
export interface TokenLogprob {
  readonly token: string;
  /** In nats, under the method's scores; -9999 for a token that the method gives no chance. */
  readonly logprob: number;
  /** UTF-8; null for a part of a character, where the engine does not know its bytes. */
  readonly bytes: readonly number[] | null;
}

/** A token of an answer, with the most likely ones at its position. */
export interface AnswerTokenLogprob extends TokenLogprob {
  readonly top_logprobs: readonly TokenLogprob[];
}

/** What stands for a probability of 0, whose logarithm JSON cannot tell. */
const NO_CHANCE = -9999;

const INCOMPLETE = "\uFFFD";

const utf8 = new TextEncoder();

/** A token of an answer in OpenAI's terms. */
export function tokenLogprob({ top = [], ...token }: AnswerToken): AnswerTokenLogprob {
  return { ...scored(token), top_logprobs: top.map(scored) };
}

function scored({ text, logprob, bytes }: ScoredToken): TokenLogprob {
  return {
    token: text,
    logprob: logprob ?? NO_CHANCE,
    bytes: bytes ?? (text.includes(INCOMPLETE) ? null : [...utf8.encode(text)]),
  };
}
