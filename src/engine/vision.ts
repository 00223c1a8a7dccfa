import type { Tensor } from "onnxruntime-common";
import { InferenceError } from "../errors.js";
import { BoundedCache } from "./bounded-cache.js";
import type { ProcessedImage } from "./family.js";
import type { ImageVariant } from "./image-variant.js";
import type { ModelParts, OpenedImage } from "./model-parts.js";
import type { Tensors } from "./runtime.js";
import { steeringFeeds } from "./steering.js";
import type { TensorData } from "./tensor-data.js";

/** Features of one variant of an image, with the processed image they belong to. */
export interface ImageFeatures {
  /** Equal for equal image and variant. */
  readonly key: string;
  readonly processed: ProcessedImage;
  /** Number of feature rows. */
  readonly tokens: number;
  /** Features (tokens, hidden). */
  readonly rows: Float32Array;
}

/** Encodes images, each variant once: features are kept within a bound and reused across questions. */
export class Vision {
  readonly #parts: ModelParts;
  readonly #processed: BoundedCache<Promise<ProcessedImage>>;
  readonly #features: BoundedCache<ImageFeatures>;
  readonly #pending = new Map<string, Promise<ImageFeatures>>();
  #encoded = 0;

  constructor(parts: ModelParts) {
    this.#parts = parts;
    this.#processed = new BoundedCache(parts.memory.visionBytes / 2);
    this.#features = new BoundedCache(parts.memory.visionBytes / 2);
  }

  /** How often the vision encoder has run. */
  get encodedImages(): number {
    return this.#encoded;
  }

  /** Features of a variant of an image, from the cache where they are. */
  async features(image: OpenedImage, variant: ImageVariant): Promise<ImageFeatures> {
    const key = `${image.key}/${variant.key}`;
    const cached = this.#features.get(key) ?? this.#pending.get(key);
    if (cached !== undefined) return cached;
    const pending = this.#compute(key, image, variant).finally(() => this.#pending.delete(key));
    this.#pending.set(key, pending);
    return pending;
  }

  async #compute(key: string, image: OpenedImage, variant: ImageVariant): Promise<ImageFeatures> {
    const processed = await this.#process(image);
    const output = await variant.features(processed.pixels, (pixels) =>
      this.#encode(processed, pixels),
    );
    const hidden = output.dims.at(-1)!;
    const tokens = output.data.length / hidden;
    const features = { key, processed, tokens, rows: output.data };
    this.#features.set(key, features, output.data.byteLength);
    return features;
  }

  async #process(image: OpenedImage): Promise<ProcessedImage> {
    const cached = this.#processed.get(image.key);
    if (cached !== undefined) return cached;
    const processed = await image.process();
    this.#processed.set(image.key, Promise.resolve(processed), processed.pixels.data.byteLength);
    return processed;
  }

  async #encode(processed: ProcessedImage, pixels: TensorData): Promise<TensorData> {
    const { runtime, vision } = this.#parts;
    const feeds: Tensors = {
      ...vision.feeds,
      ...steeringFeeds(runtime, vision.steering, pixels.dims[0] ?? 1),
      pixel_values: tensor(pixels),
    };
    for (const [name, input] of Object.entries(processed.inputs)) feeds[name] = tensor(input);
    function tensor({ data, dims }: TensorData<Float32Array | BigInt64Array | Uint8Array>): Tensor {
      if (data instanceof Float32Array) return new runtime.Tensor("float32", data, dims);
      if (data instanceof BigInt64Array) return new runtime.Tensor("int64", data, dims);
      return new runtime.Tensor("bool", data, dims);
    }
    this.#encoded++;
    let outputs: Tensors;
    try {
      outputs = await vision.session.run(feeds);
    } catch (cause) {
      throw new InferenceError(`the vision encoder failed: ${(cause as Error).message}`, { cause });
    }
    const features = outputs.image_features ?? outputs[vision.session.outputNames[0]!]!;
    if (!(features.data instanceof Float32Array)) {
      throw new InferenceError(`the vision encoder returned ${features.type}; expected float32`);
    }
    return { data: features.data, dims: features.dims };
  }
}
