import type { DecoderGraph } from "./decoder.js";
import type { ModelFamily, ProcessedImage, PromptTools } from "./family.js";
import type { ModelInfo } from "./model.js";
import type { ImageSource } from "./request.js";
import type { Runtime, Session, Tensors } from "./runtime.js";

/** An image that was opened: its identity, and its processed form when that is needed. */
export interface OpenedImage {
  /** Equal for images with equal content. */
  readonly key: string;
  process(): Promise<ProcessedImage>;
}

/** The vision encoder with projector. */
export interface VisionGraph {
  readonly session: Session;
  /** Inputs beyond the image's own, the same for every image (steering directions and strengths). */
  readonly feeds: Tensors;
}

/** Everything a model handle is made of; a loader fills it for its platform. */
export interface ModelParts {
  readonly runtime: Runtime;
  readonly info: ModelInfo;
  readonly family: ModelFamily;
  readonly prompts: PromptTools;
  readonly embed: Session;
  readonly vision: VisionGraph;
  readonly decoder: DecoderGraph;
  /** Ids that end an answer. */
  readonly endTokens: ReadonlySet<number>;
  /** Limit of answer tokens when a request gives none. */
  readonly defaultMaxTokens: number;
  /** Bounds of the caches, in bytes. */
  readonly memory: { readonly visionBytes: number; readonly prefixBytes: number };
  openImage(source: ImageSource): Promise<OpenedImage>;
  /** SHA-256 over the graphs in use, in hex. */
  hash(): Promise<string>;
}
