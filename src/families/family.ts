import type { Role } from "../engine/conversation.js";
import type { FeatureGrid, PictureArea } from "../engine/feature-grid.js";
import type { TensorData } from "../engine/tensor-data.js";

/** Decoded RGB pixels, upright. */
export interface RgbPixels {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/**
 * What a checkpoint's image processor makes of pixels, by the names that it gives. `area` is what of the picture they show,
 * where that is not all of it.
 */
export type ProcessorOutput = Readonly<
  Record<string, TensorData<Float32Array | BigInt64Array | Uint8Array> | unknown>
> & { readonly area?: PictureArea };

/** The checkpoint's image processor, called with what the family wants of it. */
export type ImageProcessor = (
  pixels: RgbPixels,
  options: Readonly<Record<string, unknown>>,
) => Promise<ProcessorOutput>;

/**
 * An image as the vision encoder takes it.
 *
 * `Layout` is what the prompt must know of it besides the number of its features, such as rows and columns of tiles.
 */
export interface ProcessedImage<Layout = unknown> {
  /** Normalised pixel values, which variants distort. */
  readonly pixels: TensorData;
  /** What the graph takes of pixels, distorted ones too, where it is not the pixels as they are: patches, for example. */
  readonly toInput?: (pixels: TensorData) => TensorData;
  /** Name of that input in the graph. */
  readonly pixelsInput: string;
  /** The graph's other inputs by name, such as a pixel mask or a grid. */
  readonly inputs: Readonly<Record<string, TensorData<BigInt64Array | Uint8Array>>>;
  readonly layout: Layout;
}

/** The checkpoint's tokenizer and chat template. */
export interface PromptTools {
  /** The chat template applied to turns; with the prompt for the model's turn behind them if asked. */
  render(turns: readonly PromptTurn[], addGenerationPrompt: boolean): string;
  /**
   * Ids of a rendered prompt; special tokens written in it are recognised. What the tokenizer puts first is put first, unless
   * it is there already.
   */
  encode(text: string): number[];
  /** Ids of a text as it stands, with nothing put in front. */
  encodeText(text: string): number[];
  /** Text of ids, special tokens left out. */
  decode(ids: readonly number[]): string;
  /** Bytes of one token in UTF-8; left out, and undefined, where they are not known. */
  bytesOf?(id: number): Uint8Array | undefined;
  /** Texts of the control tokens, which users' texts may not hold. */
  readonly controls: readonly string[];
  /** Id of the token for what the tokenizer does not know; left out where it has none. */
  readonly unknown?: number | undefined;
}

/** A piece of a turn as a chat template takes it. */
export type PromptPart =
  | { readonly type: "image" }
  | { readonly type: "text"; readonly text: string };

/** A turn as a chat template takes it. */
export interface PromptTurn {
  readonly role: Role;
  readonly parts: readonly PromptPart[];
}

/** An image as it enters a prompt. */
export interface PromptImage<Layout = unknown> {
  readonly processed: ProcessedImage<Layout>;
  /** Number of feature rows, one per image token. */
  readonly tokens: number;
}

/** Tokens from `start`, inclusive, to `end`, exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Where an image stands in a prompt. */
export interface ImagePlace extends Span {
  /** Where its features stand, in their order, if other tokens stand between them; all from `start` to `end` otherwise. */
  readonly runs?: readonly Span[];
}

/** A prompt as the decoder takes it. */
export interface PromptLayout {
  readonly tokens: readonly number[];
  readonly positions: PromptPositions;
  /** Where each image's features stand, in the order of the images; together they cover every image token. */
  readonly images: readonly ImagePlace[];
  /**
   * Lengths, ascending, at which the prompt may be cut, since the tokens before do not depend on what follows: behind
   * images and behind earlier prompts of the same conversation. None where attention looks ahead (prefix LMs).
   */
  readonly sharedLengths: readonly number[];
}

/** Position ids of a prompt. */
export interface PromptPositions {
  /** (planes, tokens): one plane for most families, three for multimodal rotary embeddings. */
  readonly planes: readonly Int32Array[];
  /** The position of the first token behind the prompt. */
  readonly next: number;
}

/** What a decoder keeps of a context, as far as a configuration tells it, for graphs that do not. */
export interface CacheSizes {
  /** Key/value heads and head size of a layer. */
  readonly heads: number;
  readonly headSize: number;
  /** Shapes, for one context, of states of fixed size: of short convolutions, and of linear attention. */
  readonly states?: {
    readonly conv?: readonly number[];
    readonly recurrent?: readonly number[];
  };
}

/** What a checkpoint's configuration says; what it leaves out is undefined and not guessed. */
export interface CheckpointFacts {
  readonly contextLength: number;
  readonly vocabularySize: number | undefined;
  readonly hiddenSize: number | undefined;
  readonly layers: number | undefined;
  /** Ids that end an answer, unless generation_config.json says otherwise. */
  readonly endTokens: readonly number[];
  /** Side of a square patch of the vision tower, in pixels. */
  readonly patchSize: number | undefined;
  /** How many of the layers keep something of their own: others may share what earlier ones keep. */
  readonly cachedLayers?: number | undefined;
  readonly cache?: CacheSizes | undefined;
}

/** An image's pixels, and what else the vision graph takes with them. */
export type VisionInputs = Omit<ProcessedImage, "layout">;

/** A checkpoint family bound to one checkpoint: its facts, how it takes images, and how its prompts are laid out. */
export interface ModelFamily<Layout = unknown> {
  readonly name: string;
  readonly facts: CheckpointFacts;
  /** Text of the token that stands for images. */
  readonly imageToken: string;
  /** Texts of the control tokens around an image that config.json names, by what tokenizer_config.json calls them. */
  readonly marks?: Readonly<Record<string, string>>;
  /** Tokens that are looked up in the table of embeddings as others, by id: such as have no row there. */
  readonly standIns?: ReadonlyMap<number, number>;
  /** Whether tokens that are run together see those behind them: an answer's must be appended one at a time then. */
  readonly looksAhead?: true;
  /** Makes what the vision encoder takes of an image. */
  process(processor: ImageProcessor, pixels: RgbPixels): Promise<ProcessedImage<Layout>>;
  /**
   * Whole images as squares (1, 3, H, W), and such squares (B, 3, H, W) as inputs of the vision graph: what steering is
   * fitted on. Left out where an image is such a square.
   */
  readonly squares?: {
    /** The whole image (1, 3, H, W). */
    of(image: ProcessedImage<Layout>): TensorData;
    /** Squares (B, 3, H, W) as B images of one tile each. */
    inputs(squares: TensorData): VisionInputs;
  };
  /**
   * How an image's features lie over the picture, grid by grid in their order; undefined where they are no grids. Left out
   * by families that cannot tell.
   */
  grids?(image: PromptImage<Layout>): readonly FeatureGrid[] | undefined;
  /** @throws InferenceError when the template does not put each image in its place */
  layOut(
    turns: readonly PromptTurn[],
    images: readonly PromptImage<Layout>[],
    tools: PromptTools,
  ): PromptLayout;
}

/** What a family is bound to. */
export interface FamilyContext {
  /** The content of config.json. */
  readonly config: unknown;
  /** Text of a token, special ones included. */
  tokenText(id: number): string;
}

/** A checkpoint family as a plug-in: which checkpoints it takes, and how it is bound to one. */
export interface FamilyPlugin {
  readonly name: string;
  /** Values of `model_type` in config.json. */
  readonly modelTypes: readonly string[];
  /** The chat template of checkpoints that bring none. */
  readonly chatTemplate?: string;
  /** @throws ModelLoadError naming the field of config.json that is missing or wrong */
  configure(context: FamilyContext): ModelFamily;
}
