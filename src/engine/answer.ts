import type { JsonValue } from "./json-value.js";

/** A token with its log-probability in nats. */
export interface ScoredToken {
  readonly id: number;
  readonly text: string;
  /** Of a token that is a part of a character, which its text cannot show: its bytes in UTF-8, where the engine knows them. */
  readonly bytes?: readonly number[];
  /**
   * ln p under the method's scores: after contrast and plausibility mask, before repetition penalty, temperature, top-k
   * and top-p. For `regular` this is the model's own log-probability. Null when the method gives the token no chance.
   */
  readonly logprob: number | null;
}

/** One token of an answer. */
export interface AnswerToken extends ScoredToken {
  /** The most likely tokens at this position, best first; present when `topLogprobs` asked for them. */
  readonly top?: readonly ScoredToken[];
}

/** Why an answer ended: end-of-text token, a stop text, or the limit of tokens or context. */
export type FinishReason = "eos" | "stop" | "length";

/** Wall-clock times in milliseconds. In a batch, the time of a shared step counts fully for each answer. */
export interface Timings {
  /** Reading, processing and encoding the image in all its variants; 0 when it was cached. */
  readonly imageMs: number;
  /** From the start of the request to the first token's logits, without `imageMs`; includes what the method prepared. */
  readonly prefillMs: number;
  /** From the first token's logits to the end. */
  readonly decodeMs: number;
  /** Mean time between tokens after the first; null for answers of fewer than 2 tokens. */
  readonly msPerToken: number | null;
  readonly totalMs: number;
}

/** Tokens counted. */
export interface Usage {
  /** Tokens of the first stream's prompt, image tokens included. */
  readonly promptTokens: number;
  readonly imageTokens: number;
  /** Tokens of the answer, the end-of-text token not included. */
  readonly generatedTokens: number;
}

/** How an answer's tokens were chosen: the request's settings, defaults filled in. */
export interface Decoding {
  readonly maxTokens: number;
  readonly stop: readonly string[];
  readonly temperature: number;
  readonly topK: number | null;
  readonly topP: number;
  readonly repetitionPenalty: number;
}

/** The model's answer to one request. */
export interface Answer {
  /** Without leading and trailing white space. */
  readonly text: string;
  readonly tokens: readonly AnswerToken[];
  readonly finishReason: FinishReason;
  readonly usage: Usage;
  readonly timings: Timings;
  readonly method: {
    readonly name: string;
    readonly settings: Readonly<Record<string, JsonValue>>;
  };
  readonly seed: number;
  readonly decoding: Decoding;
  /** The checkpoint that answered; with its `Model.hash()`, the fields here say all that decided the answer. */
  readonly checkpoint: {
    readonly id: string;
    readonly dtype: string;
    /** The adapter that is merged into its weights; absent for a checkpoint as it is. */
    readonly adapter?: string;
    /** What its graphs ran on besides the CPU; absent where they ran on the CPU alone. */
    readonly device?: string;
  };
  /** What the method noted, such as a description; empty for most. */
  readonly details: Readonly<Record<string, JsonValue>>;
}

/** One step of a streamed answer: the token, and the text that became complete with it (possibly none). */
export interface StreamPiece {
  /** Undefined for a last piece that holds only text kept back until the end was known. */
  readonly token: AnswerToken | undefined;
  /** Whole characters only; the pieces of an answer, joined and trimmed, are its text. */
  readonly text: string;
}

/** An answer that arrives token by token: iterate it once, or await `answer`. Leaving the iteration early aborts it. */
export interface AnswerStream extends AsyncIterable<StreamPiece> {
  readonly answer: Promise<Answer>;
}
