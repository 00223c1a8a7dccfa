import type { Answer, AnswerStream, StreamPiece } from "./answer.js";
import type { SteeringDirections, SteeringStrengths } from "./directions.js";
import type { ActiveEdit, Method } from "./method.js";
import type { ModelInfo } from "./model-info.js";
import type { Probe } from "./probe.js";
import type { ReadAnswer, ReadOptions, ReadRequest } from "./reading.js";
import type { GenerateRequest } from "./request.js";

/** Options of {@link Model.generateBatch} and {@link Model.generateSettled}. */
export interface BatchOptions {
  /** Most streams of the batch decoded at once, at least 1; more requests wait their turn. Default 16. */
  readonly maxStreams?: number;
  /** Called with every piece of text as it comes. A promise that it returns is waited for before the call ends; if it rejects, so does the call. */
  readonly onPiece?: (piece: StreamPiece, index: number) => void;
  /** Called as soon as each answer is complete; a promise is waited for as that of `onPiece`. */
  readonly onAnswer?: (answer: Answer, index: number) => void;
}

/** Options of {@link Model.probe}. */
export interface ProbeOptions {
  /** Edits that hold for all that is read. */
  readonly edits?: readonly ActiveEdit[];
}

/**
 * A loaded vision-language model. Calls may overlap: whatever is asked at a time is decoded together, and every answer
 * is what it would be alone. (With int8 graphs, which scale activations over the whole batch, only nearly.)
 */
export interface Model {
  readonly info: ModelInfo;
  /** SHA-256 over the graphs in use with their weights, in hex; computed at the first call. */
  hash(): Promise<string>;
  /**
   * Answers one request.
   *
   * @throws InvalidArgumentError for options that are unknown or out of range, and prompts that do not fit the context
   * @throws UnsupportedCapabilityError for a method that needs what this model does not offer
   * @throws DatasetError when an image cannot be read
   * @throws InferenceError when the model returns NaN
   * @throws AbortedError when the request's signal fires
   */
  generate(request: GenerateRequest): Promise<Answer>;
  /**
   * Answers independent requests together. Refuses all if one is invalid; otherwise all run to their end, and then the
   * first failure, if any, is thrown, naming its request.
   */
  generateBatch(requests: readonly GenerateRequest[], options?: BatchOptions): Promise<Answer[]>;
  /** Answers independent requests together and tells of each whether it was answered; no failure touches another. */
  generateSettled(
    requests: readonly GenerateRequest[],
    options?: BatchOptions,
  ): Promise<PromiseSettledResult<Answer>[]>;
  /** Answers one request, token by token. */
  stream(request: GenerateRequest): AnswerStream;
  /**
   * Reads an answer that is there already: what this model would have said at each of its positions, in one forward pass
   * for each way of seeing the question, however long the answer is.
   *
   * @throws InvalidArgumentError for options that are unknown or out of range, token ids that the model does not have, and
   * prompts with answers that do not fit the context
   * @throws UnsupportedCapabilityError through a worker, and for streams whose edits this model does not offer
   * @throws DatasetError, InferenceError, AbortedError as `generate`
   */
  read(request: ReadRequest, options: ReadOptions): Promise<ReadAnswer>;
  /**
   * Token ids of a text as it stands, with nothing put around it.
   *
   * @throws InvalidArgumentError when the text holds a control token
   */
  encode(text: string): Promise<readonly number[]>;
  /** Text of token ids, special tokens left out. One token alone may be part of a character. */
  decode(tokens: readonly number[]): Promise<string>;
  /**
   * Makes sure that this model can run a method, and opens what the method needs.
   *
   * @throws UnsupportedCapabilityError naming the need that is not offered; ShapeError when an edit does not fit
   */
  prepare(method: Method): Promise<void>;
  /**
   * A new handle on the same checkpoint whose every answer is steered: each method runs inside `vti` with these
   * directions. This one is not changed; dispose of it after its steered handles, which share its sessions.
   *
   * @throws InvalidArgumentError for directions of another model or missing ones
   * @throws UnsupportedCapabilityError when the graphs cannot be patched
   */
  steer(directions: SteeringDirections, strengths: SteeringStrengths): Promise<Model>;
  /**
   * Opens the model's hidden states, as edited where the options or a steered handle say so.
   *
   * @throws UnsupportedCapabilityError when the graphs cannot be patched
   */
  probe(options?: ProbeOptions): Promise<Probe>;
  /** Frees the sessions; what is being answered is aborted, and the model cannot be used afterwards. */
  dispose(): Promise<void>;
  /** As `dispose`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}
