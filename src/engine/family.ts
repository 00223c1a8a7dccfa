import type { TensorData } from "./tensor-data.js";

/** An image as the checkpoint's processor prepares it. */
export interface ProcessedImage {
  /** Normalised pixel values, the input that variants distort. */
  readonly pixels: TensorData;
  /** The vision encoder's other inputs by name, such as a pixel mask or a grid. */
  readonly inputs: Readonly<Record<string, TensorData<BigInt64Array | Uint8Array>>>;
}

/** The checkpoint's tokenizer and chat template. */
export interface PromptTools {
  /** The chat template applied to one user turn, with the prompt for the model's turn; `parts` in order. */
  render(parts: readonly ChatPart[]): string;
  /** Ids of a rendered prompt; special tokens written in it are recognised, none are added. */
  encode(text: string): number[];
  /** Text of ids, special tokens left out. */
  decode(ids: readonly number[]): string;
}

/** A piece of a user's turn. */
export type ChatPart =
  | { readonly type: "image" }
  | { readonly type: "text"; readonly text: string };

/** An image as it enters a prompt. */
export interface PromptImage {
  readonly processed: ProcessedImage;
  /** Number of feature rows, one per image token. */
  readonly tokens: number;
}

/** A checkpoint family bound to one checkpoint: prompt layout, image tokens, positions. */
export interface ModelFamily {
  readonly name: string;
  /** Token id that stands for one row of image features. */
  readonly imageTokenId: number;
  /** Its text, which users' prompts may not contain. */
  readonly imageToken: string;
  /** Ids of the whole prompt, with as many image tokens as the image has feature rows. */
  promptTokens(prompt: string, image: PromptImage | undefined, tools: PromptTools): number[];
  /**
   * Position ids of a prompt: (planes, tokens), one plane for most families, three for multimodal rotary embeddings,
   * and the position of the first token behind it.
   */
  positions(tokens: readonly number[], image: PromptImage | undefined): PromptPositions;
}

/** See {@link ModelFamily.positions}. */
export interface PromptPositions {
  readonly planes: readonly Int32Array[];
  readonly next: number;
}
