import type { SeededRandom } from "../math/seeded-random.js";
import type { GraphEdit } from "../onnx/edits/graph-edit.js";
import type { AnswerToken, FinishReason } from "./answer.js";
import type { JsonValue } from "./json-value.js";
import type { StepOutputs } from "./step.js";
import type { View } from "./view.js";

/** What a method cannot do without. Checked before anything is run; what a model does not offer is refused by name. */
export interface MethodNeeds {
  /** A conversation with an image. */
  readonly image?: true;
  /** Logits of the whole vocabulary: an engine that returns only the best tokens will not do. */
  readonly fullVocabulary?: true;
  /** Edits of the graphs that its streams switch on: early exits, gains of attention, steering. */
  readonly edits?: readonly GraphEdit[];
  /** A token for what the tokenizer does not know (`UNKNOWN_IMAGE`). */
  readonly unknownToken?: true;
  /** The text-only model that the checkpoint was tuned from. */
  readonly baseLlm?: true;
}

/** A mitigation method: an immutable value made by a factory such as `vcd({ alpha: 1 })`.
 *
 * All that changes during an answer lives in the session that `start` returns. A method that wraps another one
 * hands it a changed run.
 */
export interface Method {
  readonly name: string;
  /** Every setting that changes the answer; with `name` it identifies the method in stored results. */
  readonly settings: Readonly<Record<string, JsonValue>>;
  readonly needs: MethodNeeds;
  /** True when an answer depends on the seed even where tokens are chosen greedily, for example by noise on the image. */
  readonly seeded?: true;
  /** Large values that settings name by their hash, such as steering directions: what `methodNamed` needs to make it again. */
  readonly assets?: Readonly<Record<string, unknown>>;
  /** Begins one answer. May first generate other text on the same images (see {@link MethodRun.generate}). */
  start(run: MethodRun): MethodSession | Promise<MethodSession>;
}

/** An edit switched on for a stream. */
export interface ActiveEdit {
  readonly edit: GraphEdit;
  /** What it means is the edit's own; 0 leaves the stream as it is, bit for bit. */
  readonly strength: number;
  /** Numbers of the stream's own that the edit feeds, for example directions of one request. Not to be changed. */
  readonly values?: Float32Array;
}

/** One context decoded in lockstep with the others of its answer: a view of the conversation, and edits of the graphs. */
export interface Stream {
  readonly view: View;
  /** Edits of the vision encoder and the decoder that hold for this stream alone. */
  readonly edits?: readonly ActiveEdit[];
}

/** What a method may know of the model that it runs on. */
export interface RunModel {
  readonly id: string;
  readonly layers: number;
  /** Tokens that end an answer. */
  readonly endTokens: ReadonlySet<number>;
  /** See `Model.hash`. */
  hash(): Promise<string>;
  /** Token ids of a text as it stands. */
  encode(text: string): Promise<readonly number[]>;
  /** Text of token ids, special tokens left out. */
  decode(tokens: readonly number[]): string;
}

/** What a method sees of the answer it is asked for. */
export interface MethodRun {
  /** The conversation as the caller gave it, or what an outer method made of it. */
  readonly view: View;
  /** The text of the last user turn. */
  readonly prompt: string;
  /** The request's seed. */
  readonly seed: number;
  /** The request's temperature; 0 where it is greedy. */
  readonly temperature: number;
  readonly signal: AbortSignal | undefined;
  readonly model: RunModel;
  /**
   * A generator of its own for each name, fixed by the request's seed and the content of its images, or of one image
   * where its number is given.
   */
  random(name: string, image?: number): SeededRandom;
  /**
   * Generates greedily on one stream before the answer begins, for example to describe the image. Decoded together with
   * whatever else the model is asked at the time; prefixes are shared with other streams. (Asking the model itself from
   * within a method may wait for ever: its place in the queue is held by the answer that the method belongs to.)
   */
  generate(stream: Stream, options: GenerateTextOptions): Promise<GeneratedText>;
  /**
   * Answers as the request asks (its most tokens, sampler and stop texts) before the answer begins, so that the draft can
   * be looked at, given as the answer ({@link MethodSession.answer}) or made anew from some token on. A session serves one
   * draft. Without options it is what the session would have answered.
   *
   * @param session of a method; one that has its answer already is taken at its word, unless tokens are given
   */
  draft(session: MethodSession, options?: DraftOptions): Promise<Draft>;
  /**
   * Returns `make()`, or what it returned earlier for the same model, images and key. Failures are not kept.
   *
   * @param bytes size of a value; values are kept within a bound of bytes
   */
  remember<T>(key: string, make: () => Promise<T>, bytes: (value: T) => number): Promise<T>;
  /** Attaches a fact about how the answer came about (such as a description) to the answer's `details`. */
  note(key: string, value: JsonValue): void;
}

/** Options of {@link MethodRun.generate}. */
export interface GenerateTextOptions {
  /** At most this many tokens; at least 1. */
  readonly maxTokens: number;
  /**
   * A text, or token ids, to read instead of generating: the model is led through its tokens and the end of text, whatever
   * it prefers. `maxTokens` does not apply to it.
   */
  readonly forced?: string | readonly number[];
  /**
   * Called for every position, the one that predicts the end of text included.
   *
   * @param logits (V) raw logits, valid during the call only
   * @param token the token chosen at this position
   * @param readings what the stream's graph edits read out, as in `StepOutputs`
   */
  readonly onPosition?: (
    logits: Float32Array,
    token: number,
    readings: StepOutputs["readings"],
  ) => void;
}

/** What {@link MethodRun.generate} returns. */
export interface GeneratedText {
  readonly text: string;
  readonly tokens: readonly number[];
  readonly finishReason: "eos" | "length";
}

/** Options of {@link MethodRun.draft}. */
export interface DraftOptions {
  /** Names the draws of a sampled draft; those of the answer itself where left out. */
  readonly draw?: string;
  /** In the place of the request's temperature. */
  readonly temperature?: number;
  /** Tokens that it begins with, whatever the scores: appended in one pass where the engine can. */
  readonly given?: readonly number[];
  /** Ends behind the given tokens, for this reason, instead of going on: they are read, for their log-probabilities. */
  readonly ends?: FinishReason;
}

/** An answer that was made before the answer began. */
export interface Draft {
  /** Without leading and trailing white space. */
  readonly text: string;
  /** Its tokens, with log-probabilities under the scores of its session. */
  readonly tokens: readonly AnswerToken[];
  readonly finishReason: FinishReason;
}

/** The state of one answer. */
export interface MethodSession {
  /** The contexts to decode; the first is the one the answer belongs to. */
  readonly streams: readonly [Stream, ...Stream[]];
  /** The answer, where it is there already: it is told as it is, and nothing is decoded. */
  readonly answer?: Draft;
  /**
   * Scores of the next token, from which temperature, top-k and top-p are applied and the token is drawn. Left out by
   * methods that take the first stream's logits as they are.
   *
   * @param outputs what the step gave for each stream, in order; the logits in it may be overwritten
   * @param position 0 for the first token of the answer
   * @returns (V) scores in nats up to a constant; -Infinity excludes a token. May be logits of `outputs`.
   */
  scores?(outputs: readonly StepOutputs[], position: number): Float32Array;
  /** Tells which token was appended to every stream; done when it returns (a promise is refused). */
  commit?(token: number): void;
}
