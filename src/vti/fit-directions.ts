import type { ImageSource } from "../engine/conversation.js";
import type { LayerDirections, SteeringDirections } from "../engine/directions.js";
import type { JsonValue } from "../engine/json-value.js";
import type { Model } from "../engine/model.js";
import type { Probe } from "../engine/probe.js";
import { AbortedError, UnsupportedCapabilityError } from "../errors.js";
import { SeededRandom } from "../math/seeded-random.js";
import { halvesAgreement, layerCosines, layerNorms, signalToNoise } from "./direction-facts.js";
import {
  estimateDirection,
  type FittedDirection,
  type StateShape,
  visualDirection,
} from "./directions.js";
import { checkFit, type Demonstration, type FitOptions, type FitSettings } from "./fit-options.js";
import { maskPatches, shuffled } from "./mask-patches.js";

/** Maskings that go through the vision tower at once. */
const BATCH = 10;

/** Differences of hidden states, one row per demonstration. */
interface Differences {
  /** Empty when the text alone is fitted. */
  readonly vision: Float32Array[];
  readonly visionShape: StateShape;
  readonly text: Float32Array[];
  readonly textShape: StateShape;
  /** Of the controls; empty without any. */
  readonly length: Float32Array[];
}

/**
 * Fits steering directions on a model: for the vision tower from what hiding patches does to its hidden states, for
 * the decoder from what hallucinated captions do to its states at their last token.
 *
 * Visual difference of a demonstration: mean over maskings of the states, minus those of the clean image. Textual
 * difference: true caption minus hallucinated. Direction: first component(s) of the differences plus their mean, or
 * another estimator. The state of the embeddings takes part in the fit and is left out of the result: layer i is steered along state i + 1.
 *
 * Hidden states of maskings are summed as they come; one difference per demonstration is kept.
 *
 * @param demonstrations at least 4; about 50 are usual
 * @returns directions for `model.steer`, deterministic for a seed, with facts by layer on how well halves of the
 *   demonstrations agree, how far the mean difference stands out of noise, and, with controls, how far the textual direction
 *   is one of length ({@link directionWarnings} reads them)
 * @throws InvalidArgumentError for unknown options, too few demonstrations or equal captions
 * @throws UnsupportedCapabilityError when the vision tower has no fixed positions: then the text's alone can be fitted
 * @see Liu et al. 2025 (arXiv 2410.15778), section 4
 */
export async function fitDirections(
  model: Model,
  demonstrations: readonly Demonstration[],
  options: FitOptions = {},
): Promise<SteeringDirections> {
  const settings = checkFit(demonstrations, options);
  const probe = await model.probe();
  let differences: Differences;
  try {
    differences = await collect(probe, demonstrations, settings, options);
  } finally {
    await probe.dispose();
  }
  const { vision, visionShape, text, textShape, length } = differences;
  const { rank, grouping, estimator } = settings;
  const fitVision = (rows: Float32Array[]): FittedDirection =>
    visualDirection(rows, visionShape, rank, grouping, estimator);
  const fitText = (rows: Float32Array[]): FittedDirection =>
    estimateDirection(rows, { estimator, rank, width: textShape.width });
  const image = vision.length === 0 ? undefined : fitVision(vision);
  const words = fitText(text);
  const halves = halvesOf(demonstrations.length, settings.seed);
  const facts: Record<string, JsonValue> = {
    model: model.info.id,
    dtype: model.info.dtype,
    ...(model.info.adapter === undefined ? {} : { adapter: model.info.adapter }),
    demonstrations: demonstrations.length,
    settings: { ...settings },
    ...(image === undefined
      ? {}
      : {
          image: factsOf(image, visionShape, {
            halvesCosine: halvesAgreement(vision, halves, fitVision, visionShape),
            signalToNoise: signalToNoise(vision, visionShape),
          }),
        }),
    text: factsOf(words, textShape, {
      halvesCosine: halvesAgreement(text, halves, fitText, textShape),
      signalToNoise: signalToNoise(text, textShape),
      ...(length.length === 0
        ? {}
        : { lengthCosine: layerCosines(words.direction, fitText(length).direction, textShape) }),
    }),
  };
  return {
    modelHash: await model.hash(),
    ...(image === undefined ? {} : { image: withoutEmbeddings(image.direction, visionShape) }),
    text: withoutEmbeddings(words.direction, textShape),
    facts,
  };
}

async function collect(
  probe: Probe,
  demonstrations: readonly Demonstration[],
  settings: FitSettings,
  { parts = "both", controls = [], onProgress, signal }: FitOptions,
): Promise<Differences> {
  const total = demonstrations.length + controls.length;
  const stopIfAborted = (done: number): void => {
    if (signal?.aborted)
      throw new AbortedError(`aborted after ${done} demonstrations`, { cause: signal.reason });
  };
  const vision: Float32Array[] = [];
  const text: Float32Array[] = [];
  let visionShape: StateShape = { layers: 0, tokens: 0, width: 0 };
  let textShape = visionShape;
  for (const [i, demonstration] of demonstrations.entries()) {
    stopIfAborted(i);
    const { image } = demonstration;
    if (parts === "both") {
      const random = new SeededRandom(settings.seed, `masks of demonstration ${i}`);
      const visual = await visualDifference(probe, image, settings, random);
      vision.push(visual.difference);
      visionShape = visual.shape;
    }
    const textual = await textualDifference(probe, demonstration, settings);
    text.push(textual.difference);
    textShape = textual.shape;
    onProgress?.(i + 1, total);
  }
  const length: Float32Array[] = [];
  for (const control of controls) {
    stopIfAborted(demonstrations.length + length.length);
    length.push((await textualDifference(probe, control, settings)).difference);
    onProgress?.(demonstrations.length + length.length, total);
  }
  return { vision, visionShape, text, textShape, length };
}

/** states of the true caption - states of the hallucinated one: (layers, width) */
export async function textualDifference(
  probe: Probe,
  { image, prompt, caption, hallucinated }: Demonstration,
  { pooling }: Pick<FitSettings, "pooling">,
): Promise<{ difference: Float32Array; shape: StateShape }> {
  const truth = await probe.textStates(prompt, caption, image, pooling);
  const lie = await probe.textStates(prompt, hallucinated, image, pooling);
  const difference = truth.states.map((value, k) => value - lie.states[k]!);
  return { difference, shape: { layers: truth.layers, tokens: 1, width: truth.width } };
}

/** mean over maskings of the states - states of the clean image: (layers, tokens, width) */
async function visualDifference(
  probe: Probe,
  image: ImageSource,
  { maskRatio, maskings }: FitSettings,
  random: SeededRandom,
): Promise<{ difference: Float32Array; shape: StateShape }> {
  const { patchSize } = probe;
  if (patchSize === undefined) {
    throw new UnsupportedCapabilityError(
      "the checkpoint's config.json does not tell vision_config.patch_size, which masking needs",
    );
  }
  const pixels = await probe.pixels(image);
  const clean = await probe.visionStates(pixels);
  const { layers, positions, width } = clean;
  const size = positions * width;
  const sum = new Float64Array(layers * size);
  for (let done = 0; done < maskings; done += BATCH) {
    const copies = Math.min(BATCH, maskings - done);
    const { states } = await probe.visionStates(
      maskPatches(pixels, patchSize, maskRatio, copies, random),
    );
    states.forEach((state, layer) => {
      for (let k = 0; k < state.length; k++) sum[layer * size + (k % size)]! += state[k]!;
    });
  }
  const difference = Float32Array.from(sum, (total) => total / maskings);
  clean.states.forEach((state, layer) => {
    for (let k = 0; k < size; k++) difference[layer * size + k]! -= state[k]!;
  });
  return { difference, shape: { layers, tokens: positions, width } };
}

/** Two halves of the demonstrations, drawn at random: indices. */
function halvesOf(count: number, seed: number): [number[], number[]] {
  const order = shuffled(count, new SeededRandom(seed, "halves of the demonstrations"));
  const middle = Math.floor(count / 2);
  return [order.slice(0, middle), order.slice(middle)];
}

function factsOf(
  { direction, explained }: FittedDirection,
  shape: StateShape,
  found: Readonly<Record<string, readonly number[]>>,
): JsonValue {
  const byLayer = { norms: layerNorms(direction, shape), ...found };
  // The state of the embeddings is left out.
  const steered = Object.entries(byLayer).map(([name, values]) => [name, values.slice(1)]);
  return { explained, ...Object.fromEntries(steered) };
}

function withoutEmbeddings(
  direction: Float32Array,
  { layers, tokens, width }: StateShape,
): LayerDirections {
  return { layers: layers - 1, positions: tokens, width, data: direction.slice(tokens * width) };
}
