import type { ImageSource } from "./conversation.js";
import type { TensorData } from "./tensor-data.js";

/** Hidden states of the vision tower. */
export interface VisionStates {
  /** Number of states: the embeddings and one per layer. */
  readonly layers: number;
  /** Rows B of the pixels. */
  readonly rows: number;
  /** Positions T, class token included. */
  readonly positions: number;
  readonly width: number;
  /** One (B, T, W) per state. */
  readonly states: readonly Float32Array[];
}

/** Hidden states of the decoder for a text. */
export interface TextStates {
  readonly layers: number;
  readonly width: number;
  /** (layers, W): the embeddings, then behind each layer; the last one behind the final norm. */
  readonly states: Float32Array;
}

/** Hidden states of the decoder at every token of a prompt. */
export interface PromptStates {
  readonly layers: number;
  readonly width: number;
  /** Tokens T of the prompt. */
  readonly tokens: readonly number[];
  /** Which of them stand for the image: first, and end exclusive. Several where an image is several pieces; none without. */
  readonly images: readonly { readonly start: number; readonly end: number }[];
  /** One (T, W) per state: the embeddings, then behind each layer; the last one behind the final norm. */
  readonly states: readonly Float32Array[];
}

/** What a decoder's head would say at the tokens of a prompt's image, behind its layers. */
export interface ImageLens {
  /** Numbers of the states that were read: 0 the embeddings, i behind layer i. */
  readonly layers: readonly number[];
  /** Tokens P of the prompt that stand for the image. */
  readonly positions: number;
  /** One (P, K) per state: natural logarithm of the probability of each of the K asked tokens. */
  readonly logProbs: readonly Float32Array[];
}

/**
 * What is made of the states of a text's tokens: `last` takes those at the last token, as VTI's authors do, `mean` averages
 * over the answer's tokens.
 */
export type Pooling = "last" | "mean";

/** A look inside a model: hidden states as PyTorch's `output_hidden_states` gives them. */
export interface Probe {
  /** Side of a square patch of the vision tower, in pixels; undefined when the checkpoint does not tell. */
  readonly patchSize: number | undefined;
  /** An image as the checkpoint's processor prepares it: normalised pixels, for example (1, 3, H, W). */
  pixels(source: ImageSource): Promise<TensorData>;
  /** Hidden states of the vision tower for pixels (B, 3, H, W). */
  visionStates(pixels: TensorData): Promise<VisionStates>;
  /** What prompts take for an image: the features (tokens, hidden) that the projector makes of it. */
  imageFeatures(source: ImageSource): Promise<TensorData>;
  /**
   * Hidden states at the last token of an answer to a prompt, or their mean over the answer's tokens.
   *
   * @param answer text put where the model's own answer would stand, without an end of text
   * @param pooling "last" by default
   */
  textStates(
    prompt: string,
    answer: string,
    image?: ImageSource,
    pooling?: Pooling,
  ): Promise<TextStates>;
  /** Hidden states at every token of a prompt, those of its image too. */
  promptStates(prompt: string, image?: ImageSource): Promise<PromptStates>;
  /**
   * The logit lens over a prompt's image: final norm and head read the hidden states at its tokens. Logits over the whole
   * vocabulary do not leave the graph.
   *
   *     ln softmax(head(norm(h_i)))[token]
   *
   * @param tokens ids that are asked about
   * @param layers numbers of the states, 0 to the number of layers; default all
   * @throws InvalidArgumentError when there is no token or one that the model does not have, and for a layer that is no number
   * @throws ShapeError when the model has fewer layers
   * @throws UnsupportedCapabilityError when the decoder's layers or head cannot be found, or its head reads one position alone
   * @see Jiang et al. 2025, arXiv 2410.02762
   */
  imageLens(
    prompt: string,
    image: ImageSource,
    tokens: readonly number[],
    layers?: readonly number[],
  ): Promise<ImageLens>;
  /** Frees what was opened for it. */
  dispose(): Promise<void>;
}
