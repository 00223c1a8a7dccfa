import type { ImageSource, Turn } from "./conversation.js";
import type { Method } from "./method.js";

/** How an answer is generated, whatever is asked. */
export interface GenerateOptions {
  /** How the next token is scored. Default `regular()`. */
  readonly method?: Method;
  /** Most tokens to generate, at least 1. Default: the checkpoint's max_new_tokens, else 128. */
  readonly maxTokens?: number;
  /** Texts that end the answer; they are not part of it. Default none. */
  readonly stop?: readonly string[];
  /** 0 is greedy; otherwise scores are divided by it before a token is drawn. Default 0. */
  readonly temperature?: number;
  /** Draw only from the k best tokens, at least 1. Default: all. */
  readonly topK?: number;
  /** Draw only from the smallest set of best tokens whose probability reaches p, in (0, 1]. Default 1. */
  readonly topP?: number;
  /** Above 1 makes tokens of the prompt and answer less likely (Keskar et al. 2019), in (0, 10]. Default 1. */
  readonly repetitionPenalty?: number;
  /** Integer from 0 to 2^53 - 1 that fixes every random draw, those of the method included. Default 0. */
  readonly seed?: number;
  /** How many most likely tokens to report at each position, 0 to 100. Default 0. */
  readonly topLogprobs?: number;
  /** Ends the generation within one token; the call rejects with AbortedError. */
  readonly signal?: AbortSignal;
}

/** What the model is asked: a `prompt`, or `turns`. Unknown options are refused. */
export interface GenerateRequest extends GenerateOptions {
  /** The user's question or instruction; not empty, without the model's control tokens. */
  readonly prompt?: string;
  /** The image asked about, put before the prompt; leave out for a text-only prompt. */
  readonly image?: ImageSource;
  /**
   * Instead of `prompt` and `image`, a conversation: turns of text and images, a user's turn last. What its prompt has
   * in common with earlier ones is computed once, so that a further question costs its own tokens only.
   */
  readonly turns?: readonly Turn[];
}
