import type { SeededRandom } from "../math/seeded-random.js";
import type { ImageVariant } from "./image-variant.js";

/** Values that survive JSON: settings and details of a method. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** What a method cannot do without. Checked before anything is run. */
export type MethodNeed = "image";

/**
 * A mitigation method: an immutable value made by a factory such as `vcd({ alpha: 1 })`.
 *
 * All that changes during an answer lives in the session that `start` returns. A method that wraps another one
 * hands it a changed run.
 */
export interface Method {
  readonly name: string;
  /** Every setting that changes the answer; with `name` it identifies the method in stored results. */
  readonly settings: Readonly<Record<string, JsonValue>>;
  readonly needs: readonly MethodNeed[];
  /** Begins one answer. May first decode other text on the same image (see {@link MethodRun.decode}). */
  start(run: MethodRun): MethodSession | Promise<MethodSession>;
}

/** One context decoded in lockstep with the others of its answer: a view of the image and a prompt. */
export interface Stream {
  /** Undefined for a stream without image. */
  readonly image: ImageVariant | undefined;
  /** The user's turn; the chat template is applied to it. */
  readonly prompt: string;
}

/** What a method sees of the answer it is asked for. */
export interface MethodRun {
  /** The question as the caller gave it. */
  readonly prompt: string;
  /** The caller's image, or what an outer method made of it; undefined when there is none. */
  readonly image: ImageVariant | undefined;
  /** The request's seed. */
  readonly seed: number;
  readonly signal: AbortSignal | undefined;
  /** A generator of its own for each name, fixed by the request's seed. */
  random(name: string): SeededRandom;
  /**
   * Decodes greedily on one stream before the answer begins, for example to describe the image.
   * The image's part of the prompt is computed once and shared with later streams on it.
   */
  decode(stream: Stream, options: DecodeOptions): Promise<DecodedText>;
  /**
   * Returns `make()`, or what it returned earlier for the same model, image and key. Bounded memory; failures are not kept.
   */
  remember<T>(key: string, make: () => Promise<T>): Promise<T>;
  /** Attaches a fact about how the answer came about (such as a description) to the answer's `details`. */
  note(key: string, value: JsonValue): void;
}

/** Options of {@link MethodRun.decode}. */
export interface DecodeOptions {
  /** At most this many tokens; at least 1. */
  readonly maxTokens: number;
  /**
   * A text to read instead of decoding: the model is led through its tokens and the end of text, whatever it prefers.
   * `maxTokens` does not apply to it.
   */
  readonly forced?: string;
  /**
   * Called for every position, the one that predicts the end of text included.
   *
   * @param logits (V) raw logits, valid during the call only
   * @param token the token chosen at this position
   */
  readonly onPosition?: (logits: Float32Array, token: number) => void;
}

/** What {@link MethodRun.decode} returns. */
export interface DecodedText {
  readonly text: string;
  readonly tokens: readonly number[];
  readonly finishReason: "eos" | "length";
}

/** The state of one answer. */
export interface MethodSession {
  /** The contexts to decode; the first is the one the answer belongs to. */
  readonly streams: readonly [Stream, ...Stream[]];
  /**
   * Scores of the next token, from which temperature, top-k and top-p are applied and the token is drawn.
   *
   * @param logits one array (V) of raw logits per stream, in order; they belong to the session until the next call and may be overwritten
   * @param position 0 for the first token of the answer
   * @returns (V) scores in nats up to a constant; -Infinity excludes a token. May be one of `logits`.
   */
  scores(logits: readonly Float32Array[], position: number): Float32Array;
  /** Tells which token was appended to every stream. */
  commit?(token: number): void;
}
