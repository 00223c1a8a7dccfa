import type { Answer, AnswerStream } from "./answer.js";
import type { Probe } from "./probe.js";
import type { GenerateRequest } from "./request.js";
import type { SteeringDirections, SteeringStrengths } from "./steering.js";

/** Facts about a loaded checkpoint. */
export interface ModelInfo {
  /** The name, folder or hub id it was loaded by. */
  readonly id: string;
  /** Family plug-in, for example "llava". */
  readonly family: string;
  /** Precision of the files in use, for example "fp32" or "q8". */
  readonly dtype: string;
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  /** Most tokens that prompt and answer may have together. */
  readonly contextLength: number;
  /** Whether the decoder returns only new cache rows ("delta") or the whole cache ("whole") at each step. */
  readonly cache: "delta" | "whole";
  /** Strengths of a steered handle. */
  readonly steering?: Required<SteeringStrengths>;
}

/** Options of {@link Model.generateBatch}. */
export interface BatchOptions {
  /** Most streams decoded at once; more requests wait their turn. Default 16. */
  readonly maxStreams?: number;
  /** Called as soon as each answer is complete. */
  readonly onAnswer?: (answer: Answer, index: number) => void;
}

/** A loaded vision-language model. Calls may overlap; each step of each call runs in turn. */
export interface Model {
  readonly info: ModelInfo;
  /** SHA-256 over the graphs in use, in hex; computed at the first call. */
  hash(): Promise<string>;
  /**
   * Answers one request.
   *
   * @throws InvalidArgumentError for options that are unknown or out of range, and prompts that do not fit the context
   * @throws DatasetError when the image cannot be read
   * @throws InferenceError when the model returns NaN
   * @throws AbortedError when the request's signal fires
   */
  generate(request: GenerateRequest): Promise<Answer>;
  /** Answers independent requests together, with the same tokens as one by one; refuses all if one is invalid. */
  generateBatch(requests: readonly GenerateRequest[], options?: BatchOptions): Promise<Answer[]>;
  /** Answers one request, token by token. */
  stream(request: GenerateRequest): AnswerStream;
  /**
   * A new handle on the same checkpoint, steered along directions in the vision tower, the decoder or both. This one is
   * not changed; dispose of it after its steered handles, which share its sessions.
   *
   * @throws InvalidArgumentError for directions of another model or missing ones
   * @throws UnsupportedCapabilityError when the graphs cannot be patched
   */
  steer(directions: SteeringDirections, strengths: SteeringStrengths): Promise<Model>;
  /**
   * Opens the model's hidden states.
   *
   * @throws UnsupportedCapabilityError when the graphs cannot be patched
   */
  probe(): Promise<Probe>;
  /** Frees the sessions; the model cannot be used afterwards. */
  dispose(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
