/**
 * Everything the loop asks of a model. The loop knows contexts and step outputs; tensors, caches, sessions and position
 * planes live behind this interface.
 *
 * How engines of other kinds fit:
 * - A cache that stays on a device (WebGPU): `Context` is a handle, nothing here asks for its numbers.
 * - Contexts of fixed size (state-space and short-convolution layers): `facts.bytesPerContext`; a shared beginning is a
 *   snapshot taken where the layout says (`sharedLengths` of a prompt), copied, never cut back to fewer tokens.
 * - A server that returns the k best log-probabilities: `offers.fullVocabulary` is false and outputs say what is `known`;
 *   `layOut` asks it to apply the template, `open` and `extend` are requests, `close` frees a slot.
 */
import type { EditStage } from "../onnx/edits/graph-edit.js";
import type { ImageSource } from "./conversation.js";
import type { ImageInPrompt } from "./feature-grid.js";
import type { ActiveEdit, Stream } from "./method.js";
import type { ModelInfo } from "./model-info.js";
import type { Probe } from "./probe.js";
import type { StepOutputs } from "./step.js";

/** Numbers that the loop plans with. */
export interface BackendFacts {
  /** Most tokens that prompt and answer may have together. */
  readonly contextLength: number;
  /** Ids that end an answer. */
  readonly endTokens: ReadonlySet<number>;
  /** Limit of answer tokens when a request gives none. */
  readonly defaultMaxTokens: number;
  /** Bytes of memory that a live context takes: for each token it may come to hold, and whatever its length. */
  readonly bytesPerToken: number;
  readonly bytesPerContext: number;
}

/** What an engine can do beyond returning the best tokens. */
export interface BackendOffers {
  readonly images: boolean;
  /** Whether `StepOutputs.logits` are exact for all V tokens. */
  readonly fullVocabulary: boolean;
  /** The kinds of graph edits that streams may switch on; none where graphs cannot be patched. */
  readonly edits: ReadonlySet<EditStage>;
  readonly baseLlm: boolean;
  /** Whether an unknown token may take an image's place. */
  readonly unknownToken?: boolean;
}

/** An image that was opened. */
export interface OpenedImage {
  /** Equal for images with equal content. */
  readonly key: string;
}

/** A stream's prompt, laid out and ready to be prefilled. */
export interface Prompt {
  readonly tokens: readonly number[];
  /** How many of them stand for images. */
  readonly imageTokens: number;
  /** Time spent on encoding images, in milliseconds; 0 where they were cached. */
  readonly imageMs: number;
  /** The images in it, in order; left out by engines that cannot tell. */
  readonly imagePlaces?: readonly ImageInPrompt[];
}

/** A prompt with the most tokens that may be appended to it. */
export interface PromptToOpen {
  readonly prompt: Prompt;
  readonly maxTokens: number;
}

/** A live context: a handle that only its backend can read. */
export type Context = object;

/** A context that was opened, with the outputs for its first answer token; or why it could not be. */
export type OpenResult =
  | { readonly context: Context; readonly outputs: StepOutputs }
  | { readonly failure: unknown };

/** A token to append to a context. */
export interface ContextStep {
  readonly context: Context;
  readonly token: number;
}

/** The outputs after a context's last token; or why there are none. The failure of one never harms another. */
export type StepResult = { readonly outputs: StepOutputs } | { readonly failure: unknown };

/** A model behind the loop. Calls of `open`, `extend`, `extendThrough` and `close` come one after the other, never at once. */
export interface Backend {
  readonly info: ModelInfo;
  readonly facts: BackendFacts;
  readonly offers: BackendOffers;
  /** SHA-256 over the weights and graphs in use, in hex. */
  hash(): Promise<string>;
  /** @throws DatasetError when the image cannot be read */
  openImage(source: ImageSource, signal: AbortSignal | undefined): Promise<OpenedImage>;
  /**
   * Lays out a stream's prompt and encodes its images.
   *
   * @param images the request's images, as parts of the view number them
   * @param mayGoOn whether to keep what is computed for the whole prompt, since a longer conversation may follow
   * @throws InvalidArgumentError when it leaves no room for an answer, or its text holds control tokens
   */
  layOut(stream: Stream, images: readonly OpenedImage[], mayGoOn: boolean): Promise<Prompt>;
  /** Prefills prompts, what they share once, each into a context of its own. */
  open(prompts: readonly PromptToOpen[]): Promise<OpenResult[]>;
  /** Appends a token to each context. */
  extend(steps: readonly ContextStep[]): Promise<StepResult[]>;
  /**
   * Appends several tokens to one context, in one pass where that can be, and returns the outputs behind each of them.
   * Left out by engines that can only append one at a time.
   */
  extendThrough?(context: Context, tokens: readonly number[]): Promise<readonly StepOutputs[]>;
  /** Frees contexts. */
  close(contexts: readonly Context[]): void;
  /** Bytes of all live contexts. */
  readonly liveBytes: number;
  /** Token ids of a text as the model would go on with it; control tokens in it stay text or are refused. */
  encode(text: string): Promise<readonly number[]>;
  /**
   * Token ids of an answer where a prompt leaves off. Left out by engines whose prompts an answer follows behind a blank.
   *
   * @param text without white space at its ends
   */
  encodeAnswer?(text: string): Promise<readonly number[]>;
  /** Text of token ids, special tokens left out. */
  decode(ids: readonly number[]): string;
  /** Bytes of one token in UTF-8, which may be a part of a character. Left out by engines that do not know them. */
  bytesOf?(id: number): Uint8Array | undefined;
  /**
   * Opens what edits need, so that they can be refused before a request depends on them.
   *
   * @throws UnsupportedCapabilityError or ShapeError when an edit does not fit the graphs
   */
  prepare(edits: readonly ActiveEdit["edit"][]): Promise<void>;
  /** Opens hidden states, of the graphs as edited. @throws UnsupportedCapabilityError where that cannot be done */
  probe(edits: readonly ActiveEdit[]): Promise<Probe>;
  /** Frees everything. */
  release(): Promise<void>;
}
