import { InferenceError, UnsupportedCapabilityError } from "../errors.js";
import type { ModelParts, OpenedImage, TappedGraph } from "./model-parts.js";
import { embedPrompt, layOutPrompt } from "./prompt.js";
import type { ImageSource } from "./request.js";
import type { Tensors } from "./runtime.js";
import type { TensorData } from "./tensor-data.js";
import type { ImageFeatures } from "./vision.js";

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

/** Hidden states of the decoder at the last position of a text. */
export interface TextStates {
  readonly layers: number;
  readonly width: number;
  /** (layers, W): the embeddings, then behind each layer; the last one behind the final norm. */
  readonly states: Float32Array;
}

/**
 * A look inside a model: hidden states as PyTorch's `output_hidden_states` gives them.
 * Opens patched copies of the graphs, to be released by {@link Probe.dispose}.
 */
export class Probe {
  readonly #parts: ModelParts;
  readonly #vision: TappedGraph;
  readonly #decoder: TappedGraph;
  readonly #features: (image: OpenedImage) => Promise<ImageFeatures>;

  private constructor(
    parts: ModelParts,
    vision: TappedGraph,
    decoder: TappedGraph,
    features: (image: OpenedImage) => Promise<ImageFeatures>,
  ) {
    this.#parts = parts;
    this.#vision = vision;
    this.#decoder = decoder;
    this.#features = features;
  }

  /**
   * @param features the model's image features, for prompts with an image
   * @throws UnsupportedCapabilityError when the graphs cannot be patched
   */
  static async open(
    parts: ModelParts,
    features: (image: OpenedImage) => Promise<ImageFeatures>,
  ): Promise<Probe> {
    const { patcher, info } = parts;
    if (patcher === undefined) {
      throw new UnsupportedCapabilityError(
        `model ${info.id}: its graphs cannot be patched, so its hidden states cannot be read`,
      );
    }
    const vision = await patcher.tapped("vision", "all");
    const decoder = await patcher.tapped("decoder", "last");
    return new Probe(parts, vision, decoder, features);
  }

  /** Side of a square patch of the vision tower, in pixels; undefined when the checkpoint does not tell. */
  get patchSize(): number | undefined {
    return this.#parts.patchSize;
  }

  /** An image as the checkpoint's processor prepares it: normalised pixels, for example (1, 3, H, W). */
  async pixels(source: ImageSource): Promise<TensorData> {
    const image = await this.#parts.openImage(source);
    return (await image.process()).pixels;
  }

  /** Hidden states of the vision tower for pixels (B, 3, H, W). */
  async visionStates({ data, dims }: TensorData): Promise<VisionStates> {
    const { runtime } = this.#parts;
    const feeds = { pixel_values: new runtime.Tensor("float32", data, dims) };
    const states = await run(this.#vision, feeds);
    const [rows = 0, positions = 0, width = 0] = states[0]!.dims;
    return {
      layers: states.length,
      rows,
      positions,
      width,
      states: states.map(({ data }) => data),
    };
  }

  /**
   * Hidden states at the last token of an answer to a prompt.
   *
   * @param answer text put where the model's own answer would stand, without an end of text
   */
  async textStates(prompt: string, answer: string, image?: ImageSource): Promise<TextStates> {
    const { prompts, family, runtime } = this.#parts;
    const features =
      image === undefined ? undefined : await this.#features(await this.#parts.openImage(image));
    const asked = layOutPrompt(this.#parts, prompt, features);
    const tokens = [...asked.tokens, ...prompts.encode(` ${answer.trim()}`)];
    const positions = family.positions(tokens, features);
    const whole = { ...asked, tokens, positions };
    const embeddings = await embedPrompt(this.#parts, whole, 0, tokens.length);
    const { Tensor } = runtime;
    const hidden = embeddings.length / tokens.length;
    const { planes } = positions;
    const ids = BigInt64Array.from(
      planes.flatMap((plane) => [...plane]),
      BigInt,
    );
    const ones = new BigInt64Array(tokens.length).fill(1n);
    const states = await run(this.#decoder, {
      inputs_embeds: new Tensor("float32", embeddings, [1, tokens.length, hidden]),
      attention_mask: new Tensor("int64", ones, [1, tokens.length]),
      position_ids: new Tensor(
        "int64",
        ids,
        planes.length === 1 ? [1, tokens.length] : [planes.length, 1, tokens.length],
      ),
      num_logits_to_keep: new Tensor("int64", BigInt64Array.of(1n), []),
      ...this.#emptyPast(),
    });
    const width = states[0]!.data.length;
    const all = new Float32Array(states.length * width);
    states.forEach(({ data }, i) => {
      all.set(data, i * width);
    });
    return { layers: states.length, width, states: all };
  }

  /** Frees the patched graphs. */
  async dispose(): Promise<void> {
    await Promise.all([this.#vision.session.release(), this.#decoder.session.release()]);
  }

  #emptyPast(): Tensors {
    const { Tensor } = this.#parts.runtime;
    const past: Tensors = {};
    for (const input of this.#decoder.session.inputMetadata) {
      if (!input.isTensor || !input.name.startsWith("past_key_values.")) continue;
      const [, heads, , headSize] = input.shape;
      const dims = [1, Number(heads), 0, Number(headSize)];
      past[input.name] =
        input.type === "float16"
          ? new Tensor("float16", new Uint16Array(0), dims)
          : new Tensor("float32", new Float32Array(0), dims);
    }
    return past;
  }
}

async function run(
  { session, outputs }: TappedGraph,
  given: Tensors,
): Promise<{ data: Float32Array; dims: readonly number[] }[]> {
  const feeds = Object.fromEntries(
    Object.entries(given).filter(([name]) => session.inputNames.includes(name)),
  );
  let found: Tensors;
  try {
    found = await session.run(feeds, [...outputs]);
  } catch (cause) {
    throw new InferenceError(`reading hidden states failed: ${(cause as Error).message}`, {
      cause,
    });
  }
  return outputs.map((name) => {
    const { data, dims } = found[name]!;
    return { data: data as Float32Array, dims };
  });
}
