import type { ImageSource } from "../../engine/conversation.js";
import type { ImageVariant } from "../../engine/image-variant.js";
import type { ModelInfo } from "../../engine/model-info.js";
import type { ModelFamily, ProcessedImage, PromptTools } from "../../families/family.js";
import type { CheckpointGraphs } from "./graphs.js";
import type { Runtime } from "./runtime.js";

/** An image that was opened: its identity, and its processed form when that is needed. */
export interface ImageToProcess {
  /** Equal for images with equal content. */
  readonly key: string;
  /** @param change of its pixels, before they are processed */
  process(change?: ImageVariant["picture"]): Promise<ProcessedImage>;
}

/** Everything an ONNX backend is made of; a loader fills it for its platform. */
export interface OnnxParts {
  readonly runtime: Runtime;
  readonly info: ModelInfo;
  readonly family: ModelFamily;
  readonly prompts: PromptTools;
  readonly graphs: CheckpointGraphs;
  /** Ids that end an answer. */
  readonly endTokens: ReadonlySet<number>;
  /** Limit of answer tokens when a request gives none. */
  readonly defaultMaxTokens: number;
  /** Bounds of the caches of image features and shared beginnings, in bytes. */
  readonly memory: { readonly visionBytes: number; readonly prefixBytes: number };
  openImage(source: ImageSource, signal: AbortSignal | undefined): Promise<ImageToProcess>;
  /** SHA-256 over the graphs in use and their weights, in hex. */
  hash(): Promise<string>;
  /** Frees the sessions. */
  release(): Promise<void>;
}
