import { BoundedCache } from "../../engine/bounded-cache.js";
import type { ImageVariant } from "../../engine/image-variant.js";
import type { ActiveEdit } from "../../engine/method.js";
import type { TensorData } from "../../engine/tensor-data.js";
import { InferenceError } from "../../errors.js";
import type { ProcessedImage, PromptImage, VisionInputs } from "../../families/family.js";
import { type EditSet, editFeeds, editSet } from "./edit-feeds.js";
import { float32, inputTensor } from "./float-tensors.js";
import type { EditedGraphs } from "./graphs.js";
import type { ImageToProcess, OnnxParts } from "./parts.js";
import type { Runtime, Session, Tensors } from "./runtime.js";

/** Features of one variant of an image, with the processed image they belong to. */
export interface ImageFeatures extends PromptImage {
  /** Equal for equal image, variant and edits. */
  readonly key: string;
  /** Features (tokens, hidden). */
  readonly rows: Float32Array;
}

/** Encodes images, each variant once: features are kept within a bound and reused across questions. */
export class Vision {
  readonly #parts: OnnxParts;
  readonly #graphs: EditedGraphs;
  readonly #processed: BoundedCache<ProcessedImage>;
  readonly #features: BoundedCache<ImageFeatures>;
  readonly #pending = new Map<string, Promise<ImageFeatures>>();

  constructor(parts: OnnxParts, graphs: EditedGraphs) {
    this.#parts = parts;
    this.#graphs = graphs;
    this.#processed = new BoundedCache(parts.memory.visionBytes / 2);
    this.#features = new BoundedCache(parts.memory.visionBytes / 2);
  }

  /** Features of a variant of an image that need not be computed; undefined where they must. */
  cached(
    image: ImageToProcess,
    variant: ImageVariant,
    active: readonly ActiveEdit[] | undefined,
  ): ImageFeatures | undefined {
    return this.#features.get(featuresKey(image, variant, editSet(active, "vision")));
  }

  /** Features of a variant of an image, from the cache where they are. */
  async features(
    image: ImageToProcess,
    variant: ImageVariant,
    active: readonly ActiveEdit[] | undefined,
  ): Promise<ImageFeatures> {
    const edits = editSet(active, "vision");
    const key = featuresKey(image, variant, edits);
    const cached = this.#features.get(key) ?? this.#pending.get(key);
    if (cached !== undefined) return cached;
    const pending = this.#compute(key, image, variant, edits).finally(() =>
      this.#pending.delete(key),
    );
    this.#pending.set(key, pending);
    return pending;
  }

  async #compute(
    key: string,
    image: ImageToProcess,
    variant: ImageVariant,
    edits: EditSet,
  ): Promise<ImageFeatures> {
    const processed = await this.#process(image, variant);
    const output = await variant.features(processed.pixels, (pixels) =>
      this.#encode(processed, pixels, edits),
    );
    const hidden = output.dims.at(-1)!;
    const tokens = output.data.length / hidden;
    const features = { key, processed, tokens, rows: output.data };
    this.#features.set(key, features, output.data.byteLength);
    return features;
  }

  async #process(
    image: ImageToProcess,
    { key: name, picture }: ImageVariant,
  ): Promise<ProcessedImage> {
    const key = picture === undefined ? image.key : `${image.key}/${name}`;
    const cached = this.#processed.get(key);
    if (cached !== undefined) return cached;
    const processed = await image.process(picture);
    this.#processed.set(key, processed, processed.pixels.data.byteLength);
    return processed;
  }

  async #encode(
    processed: ProcessedImage,
    pixels: TensorData,
    { edits, active }: EditSet,
  ): Promise<TensorData> {
    const { runtime, graphs } = this.#parts;
    const session = await this.#graphs.session("vision", edits);
    const given = imageFeeds(runtime, session, { ...processed, pixels });
    const place = { pastLength: 0, newLength: 0, newColumn: 0, promptLength: 0 };
    const row = { active, ...place, images: [] };
    const rows = Array.from({ length: towerRows(given[processed.pixelsInput]!.dims) }, () => row);
    const feeds: Tensors = {
      ...graphs.vision.feeds,
      ...editFeeds(runtime, session, edits, { rows, steps: 0, columns: 0 }),
      ...given,
    };
    let outputs: Tensors;
    try {
      outputs = await session.run(feeds);
    } catch (cause) {
      throw new InferenceError(`the vision encoder failed: ${(cause as Error).message}`, { cause });
    }
    const features = outputs.image_features ?? outputs[session.outputNames[0]!]!;
    return { data: float32(features, "the vision encoder"), dims: features.dims };
  }
}

/**
 * Rows of a tower's batch, from what it takes of pixels: images (B, 3, H, W), tiles of images (B, N, 3, H, W), patches of
 * tiles (N, patches, numbers), or patches of one image (patches, numbers).
 */
export function towerRows(dims: readonly number[]): number {
  const [images = 1, tiles = 1] = dims;
  if (dims.length === 5) return images * tiles;
  return dims.length === 2 ? 1 : images;
}

/** An image's inputs in the types of the graph. */
export function imageFeeds(
  runtime: Runtime,
  session: Session,
  { pixels, toInput = (same) => same, pixelsInput, inputs }: VisionInputs,
): Tensors {
  const feeds: Tensors = {
    [pixelsInput]: inputTensor(runtime, session, pixelsInput, toInput(pixels)),
  };
  for (const [name, input] of Object.entries(inputs)) {
    feeds[name] = inputTensor(runtime, session, name, input);
  }
  return feeds;
}

function featuresKey(image: ImageToProcess, variant: ImageVariant, edits: EditSet): string {
  return `${image.key}/${variant.key}/${edits.key}`;
}
