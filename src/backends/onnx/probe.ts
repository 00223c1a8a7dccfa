import type { ImageSource } from "../../engine/conversation.js";
import { ORIGINAL_IMAGE } from "../../engine/image-variant.js";
import type { ActiveEdit } from "../../engine/method.js";
import type {
  ImageLens,
  Pooling,
  Probe,
  PromptStates,
  TextStates,
  VisionStates,
} from "../../engine/probe.js";
import { checkTokens } from "../../engine/reading-options.js";
import type { TensorData } from "../../engine/tensor-data.js";
import type { View } from "../../engine/view.js";
import { InferenceError, UnsupportedCapabilityError } from "../../errors.js";
import type { PromptPositions, Span } from "../../families/family.js";
import { emptyPast, readGeometry } from "./decoder-tensors.js";
import { editFeeds } from "./edit-feeds.js";
import { embedPrompt } from "./embeddings.js";
import { float32 } from "./float-tensors.js";
import type { ImageToProcess, OnnxParts } from "./parts.js";
import { pooledStates, type StateRows } from "./pooled-states.js";
import { layOutPrompt, type OnnxPrompt } from "./prompt.js";
import type { Tensors } from "./runtime.js";
import { type TappedGraph, TappedGraphs } from "./tapped-graphs.js";
import { tokenFeeds, wholeMask } from "./token-feeds.js";
import { type ImageFeatures, imageFeeds } from "./vision.js";

interface PromptToRead {
  readonly prompt: string;
  readonly answer?: string;
  readonly image: ImageSource | undefined;
}

/** Reads hidden states from patched copies of the graphs. */
export class OnnxProbe implements Probe {
  readonly #parts: OnnxParts;
  readonly #graphs: TappedGraphs;
  readonly #active: readonly ActiveEdit[];
  readonly #features: (image: ImageToProcess) => Promise<ImageFeatures>;
  readonly #onDispose: () => void;

  /**
   * @param active edits that hold for all that is read
   * @param features the model's image features under these edits, for prompts with an image
   * @param onDispose called once it is disposed of
   * @throws UnsupportedCapabilityError when the graphs cannot be patched
   */
  constructor(
    parts: OnnxParts,
    active: readonly ActiveEdit[],
    features: (image: ImageToProcess) => Promise<ImageFeatures>,
    onDispose: () => void,
  ) {
    this.#parts = parts;
    this.#graphs = new TappedGraphs(parts, active);
    this.#active = active;
    this.#features = features;
    this.#onDispose = onDispose;
  }

  get patchSize(): number | undefined {
    return this.#parts.family.facts.patchSize;
  }

  async pixels(source: ImageSource): Promise<TensorData> {
    const image = await this.#parts.openImage(source, undefined);
    const processed = await image.process();
    const { family, graphs, info } = this.#parts;
    if (family.squares !== undefined) return family.squares.of(processed);
    const { pixels, pixelsInput } = processed;
    const input = graphs.vision.session.inputMetadata.find(({ name }) => name === pixelsInput);
    // Rows of patches, of one image or several, in the place of images.
    if (input?.isTensor !== true || input.shape.length > 3) return pixels;
    throw new UnsupportedCapabilityError(
      `model ${info.id}: the vision tower of family ${family.name} takes each image in its own size, as patches, so that it has no fixed positions whose states could be read, or fitted directions for; directions of the text alone can be fitted ({ parts: "text" }, --parts text)`,
    );
  }

  async visionStates(pixels: TensorData): Promise<VisionStates> {
    const { runtime, graphs, family } = this.#parts;
    const copies = pixels.dims[0] ?? 1;
    const plain = { pixels, pixelsInput: "pixel_values", inputs: {} };
    const given = family.squares?.inputs(pixels) ?? plain;
    const vision = await this.#graphs.states("vision", "all");
    const states = await this.#run(vision, copies, 0, {
      ...graphs.vision.feeds,
      ...imageFeeds(runtime, vision.session, given),
    });
    const [rows = 0, positions = 0, width = 0] = states[0]!.dims;
    return {
      layers: states.length,
      rows,
      positions,
      width,
      states: states.map(({ data }) => data),
    };
  }

  async imageFeatures(source: ImageSource): Promise<TensorData> {
    const image = await this.#parts.openImage(source, undefined);
    const { rows, tokens } = await this.#features(image);
    return { data: rows, dims: [tokens, rows.length / tokens] };
  }

  async textStates(
    prompt: string,
    answer: string,
    image?: ImageSource,
    pooling: Pooling = "last",
  ): Promise<TextStates> {
    const isLast = pooling === "last";
    const decoder = await this.#graphs.states("decoder", isLast ? "last" : "all");
    const { states, asked } = await this.#read(decoder, { prompt, answer, image });
    const from = isLast ? 0 : asked.tokens.length;
    return pooledStates(states, from);
  }

  async promptStates(prompt: string, image?: ImageSource): Promise<PromptStates> {
    const decoder = await this.#graphs.states("decoder", "all");
    const { states, asked } = await this.#read(decoder, { prompt, image });
    return {
      layers: states.length,
      width: states[0]!.dims.at(-1)!,
      tokens: asked.tokens,
      images: imageSpans(asked),
      states: states.map(({ data }) => data),
    };
  }

  async imageLens(
    prompt: string,
    image: ImageSource,
    tokens: readonly number[],
    layers?: readonly number[],
  ): Promise<ImageLens> {
    const asked = checkTokens(tokens, this.#parts.info);
    const { layers: found, ...lens } = await this.#graphs.lens(asked, layers);
    const { states } = await this.#read(lens, { prompt, image });
    return {
      layers: found,
      positions: states[0]!.dims[1]!,
      logProbs: states.map(({ data }) => data),
    };
  }

  /** Reads a prompt, and an answer where there is one, in one run. */
  async #read(decoder: TappedGraph, { prompt, answer, image }: PromptToRead) {
    const { runtime, prompts, graphs, family, openImage } = this.#parts;
    const features =
      image === undefined ? [] : [await this.#features(await openImage(image, undefined))];
    const shown = features.map(
      () => ({ type: "image", image: 0, variant: ORIGINAL_IMAGE }) as const,
    );
    const view: View = [{ role: "user", parts: [...shown, { type: "text", text: prompt }] }];
    const asked = layOutPrompt(this.#parts, { view, edits: this.#active }, features, false);
    const said = answer === undefined ? [] : prompts.encodeText(` ${answer.trim()}`);
    const tokens = [...asked.tokens, ...said];
    this.#refuseLong(tokens.length);
    const inputs = await embedPrompt(this.#parts, { ...asked, tokens }, 0, tokens.length);
    const positions = continuedPositions(asked.positions, said.length);
    const states = await this.#run(
      decoder,
      1,
      tokens.length,
      {
        ...graphs.decoder.feeds,
        ...tokenFeeds(runtime, decoder.session, [{ tokens: inputs, positions }], false),
        attention_mask: wholeMask(runtime, tokens.length),
        ...emptyPast(runtime, readGeometry(decoder.session, family.facts.cache)),
      },
      imageSpans(asked),
    );
    return { states, asked };
  }

  async dispose(): Promise<void> {
    this.#onDispose();
    await this.#graphs.release();
  }

  /** Hidden states are read in one run. */
  #refuseLong(tokens: number): void {
    const { pieceTokens } = this.#parts.graphs.decoder;
    if (pieceTokens === undefined || tokens <= pieceTokens) return;
    throw new UnsupportedCapabilityError(
      `hidden states: received ${tokens} tokens; this device's GroupQueryAttention is wrong for more than ${pieceTokens} in one run. Use device cpu: directions that are fitted there hold here as well`,
    );
  }

  async #run(
    { session, outputs, edits }: TappedGraph,
    copies: number,
    steps: number,
    given: Tensors,
    images: readonly Span[] = [],
  ): Promise<StateRows[]> {
    const row = {
      active: edits.active,
      pastLength: 0,
      newLength: steps,
      newColumn: 0,
      images,
      promptLength: steps,
    };
    const rows = Array.from({ length: copies }, () => row);
    const added = editFeeds(this.#parts.runtime, session, edits.edits, {
      rows,
      steps,
      columns: steps,
    });
    const feeds = Object.fromEntries(
      Object.entries({ ...given, ...added }).filter(([name]) => session.inputNames.includes(name)),
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
      const output = found[name]!;
      return { data: float32(output, `the graph's ${name}`), dims: output.dims };
    });
  }
}

/** Positions of a prompt with text of some tokens behind it, as answers count theirs. */
function continuedPositions({ planes, next }: PromptPositions, count: number): Int32Array[] {
  return planes.map((plane) =>
    Int32Array.from([...plane, ...Array.from({ length: count }, (_, i) => next + i)]),
  );
}

/** The tokens that stand for the images of a prompt. */
function imageSpans({ images }: Pick<OnnxPrompt, "images">): Span[] {
  return images.flatMap(({ span: { start, end, runs = [{ start, end }] } }) => runs);
}
