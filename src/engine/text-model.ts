import type { TextStates } from "./probe.js";

/** Options of {@link TextModel.logits}. */
export interface TextLogitsOptions {
  /** The first position that is told of; default 0. */
  readonly from?: number;
  /** Rejects with AbortedError before the pass when it has fired. */
  readonly signal?: AbortSignal | undefined;
}

/** A text-only language model, such as the one that a vision-language model was tuned from. */
export interface TextModel {
  /** The name that it was loaded by. */
  readonly id: string;
  /** V, as the graph returns logits. */
  readonly vocabularySize: number;
  /** Most tokens that {@link logits} takes. */
  readonly contextLength: number;
  /** The token that ends texts; undefined where the checkpoint names none. */
  readonly endToken: number | undefined;
  /** SHA-256 over the graph with its weights, in hex; computed at the first call. */
  hash(): Promise<string>;
  /** Token ids of a text as it stands, with nothing put around it. */
  encode(text: string): readonly number[];
  /** Text of token ids, special tokens left out. */
  decode(tokens: readonly number[]): string;
  /**
   * Raw logits behind each token, all in one forward pass.
   *
   * @param onPosition called in order: logits (V) of what follows tokens[position], valid during the call only
   * @throws InvalidArgumentError for no tokens, ids that the model does not have, and more than the context holds
   * @throws InferenceError when the graph fails
   */
  logits(
    tokens: readonly number[],
    onPosition: (logits: Float32Array, position: number) => void,
    options?: TextLogitsOptions,
  ): Promise<void>;
  /**
   * Hidden states, as PyTorch's `output_hidden_states` gives them: their mean over the tokens from a position on.
   * Left out by text models that cannot tell.
   *
   * @param from the first position that counts; default 0
   * @throws InvalidArgumentError as `logits`
   * @throws UnsupportedCapabilityError where the graph's layers cannot be found
   */
  states?(tokens: readonly number[], from?: number): Promise<TextStates>;
  /** Frees the session. */
  dispose(): Promise<void>;
  /** As `dispose`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}
