import type { DecoderGraph } from "./decoder.js";
import type { ModelFamily, ProcessedImage, PromptTools } from "./family.js";
import type { ModelInfo } from "./model.js";
import type { ImageSource } from "./request.js";
import type { Runtime, Session, Tensors } from "./runtime.js";
import type { GraphSteering } from "./steering.js";

/** An image that was opened: its identity, and its processed form when that is needed. */
export interface OpenedImage {
  /** Equal for images with equal content. */
  readonly key: string;
  process(): Promise<ProcessedImage>;
}

/** The vision encoder with projector. */
export interface VisionGraph {
  readonly session: Session;
  /** Inputs beyond the image's own, the same for every image. */
  readonly feeds: Tensors;
  readonly steering?: GraphSteering;
}

/** A graph with steering inputs. */
export interface SteerableGraph {
  readonly session: Session;
  readonly layers: number;
  readonly width: number;
}

/** A graph with hidden-state outputs. */
export interface TappedGraph {
  readonly session: Session;
  /** Names of the hidden states, embeddings first. */
  readonly outputs: readonly string[];
  readonly layers: number;
  readonly width: number;
}

/** Opens patched forms of a checkpoint's graphs. */
export interface GraphPatcher {
  /** A graph with steering inputs; stays open until the model is disposed of. */
  steerable(graph: "vision" | "decoder", positions: number): Promise<SteerableGraph>;
  /** A graph with hidden-state outputs; the caller releases its session. */
  tapped(graph: "vision" | "decoder", positions: "all" | "last"): Promise<TappedGraph>;
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
  /** Opens patched forms of the graphs; undefined where that cannot be done. */
  readonly patcher?: GraphPatcher;
  /** Side of a square patch of the vision tower, in pixels, when the checkpoint tells. */
  readonly patchSize?: number | undefined;
  /** Frees the sessions. */
  release(): Promise<void>;
}
