import { checkNames } from "../arguments/check-names.js";
import type { ImageSource } from "../engine/conversation.js";
import type { LayerDirections, SteeringDirections } from "../engine/directions.js";
import type { JsonValue } from "../engine/json-value.js";
import type { Model } from "../engine/model.js";
import type { Probe } from "../engine/probe.js";
import { AbortedError, InvalidArgumentError, UnsupportedCapabilityError } from "../errors.js";
import { SeededRandom } from "../math/seeded-random.js";
import { halvesAgreement, layerNorms } from "./direction-facts.js";
import {
  type FittedDirection,
  type StateShape,
  textualDirection,
  type VisualGrouping,
  visualDirection,
} from "./directions.js";
import { maskPatches, shuffled } from "./mask-patches.js";

/** An image with a true caption, and the same caption with things in it that the image does not show. */
export interface Demonstration {
  readonly image: ImageSource;
  /** What the captions answer, for example "Describe the image." */
  readonly prompt: string;
  readonly caption: string;
  readonly hallucinated: string;
}

/** Options of {@link fitDirections}. */
export interface FitOptions {
  /** Share of patches hidden in each masking, in [0, 1]. The authors' script uses 0.99. Default 0.9. */
  readonly maskRatio?: number;
  /** Number of maskings per image, at least 1. Default 50, as the authors'. */
  readonly maskings?: number;
  /** Number of principal components added to the mean difference, at least 1. Default 1, as the authors'. */
  readonly rank?: number;
  /** Default "token", the paper's; "official" is what the authors' code computes. */
  readonly grouping?: VisualGrouping;
  /** Fixes the maskings and the halves that are compared. Default 0. */
  readonly seed?: number;
  /** Told after each demonstration. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

const OPTIONS = ["maskRatio", "maskings", "rank", "grouping", "seed", "onProgress", "signal"];
/** Maskings that go through the vision tower at once. */
const BATCH = 10;

/** Differences of hidden states, one row per demonstration. */
interface Differences {
  readonly vision: Float32Array[];
  readonly visionShape: StateShape;
  readonly text: Float32Array[];
  readonly textShape: StateShape;
}

/**
 * Fits steering directions on a model: for the vision tower from what hiding patches does to its hidden states, for
 * the decoder from what hallucinated captions do to its states at their last token.
 *
 * Visual difference of a demonstration: mean over maskings of the states, minus those of the clean image. Textual
 * difference: true caption minus hallucinated. Direction: first component(s) of the differences plus their mean. The
 * state of the embeddings takes part in the fit and is left out of the result: layer i is steered along state i + 1.
 *
 * Hidden states of maskings are summed as they come; one difference per demonstration is kept.
 *
 * @param demonstrations at least 4; about 50 are usual
 * @returns directions for `model.steer`, deterministic for a seed, with facts on how well halves of the demonstrations agree
 * @throws InvalidArgumentError for unknown options, too few demonstrations or equal captions
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
  const { vision, visionShape, text, textShape } = differences;
  const fitVision = (rows: Float32Array[]): FittedDirection =>
    visualDirection(rows, visionShape, settings.rank, settings.grouping);
  const fitText = (rows: Float32Array[]): FittedDirection => textualDirection(rows, settings.rank);
  const [image, words] = [fitVision(vision), fitText(text)];
  const halves = halvesOf(demonstrations.length, settings.seed);
  const facts: Record<string, JsonValue> = {
    model: model.info.id,
    dtype: model.info.dtype,
    demonstrations: demonstrations.length,
    settings: { ...settings },
    image: factsOf(image, visionShape, halvesAgreement(vision, halves, fitVision, visionShape)),
    text: factsOf(words, textShape, halvesAgreement(text, halves, fitText, textShape)),
  };
  return {
    modelHash: await model.hash(),
    image: withoutEmbeddings(image.direction, visionShape),
    text: withoutEmbeddings(words.direction, textShape),
    facts,
  };
}

type FitSettings = Required<Omit<FitOptions, "onProgress" | "signal">>;

function checkFit(demonstrations: readonly Demonstration[], options: FitOptions): FitSettings {
  checkNames(options, OPTIONS, "fitDirections has no option");
  const { maskRatio = 0.9, maskings = 50, rank = 1, grouping = "token", seed = 0 } = options;
  const isCount = (value: number): boolean => Number.isInteger(value) && value >= 1;
  const check = (isRight: boolean, name: string, value: unknown, expected: string): void => {
    if (!isRight)
      throw new InvalidArgumentError(`${name}: received ${value}; expected ${expected}`);
  };
  const count = demonstrations.length;
  check(maskRatio >= 0 && maskRatio <= 1, "maskRatio", maskRatio, "a number from 0 to 1");
  check(isCount(maskings), "maskings", maskings, "an integer of at least 1");
  check(["token", "official"].includes(grouping), "grouping", grouping, "token or official");
  check(count >= 4, "demonstrations", count, "at least 4");
  const most = Math.floor(count / 2) - 1;
  check(
    isCount(rank) && rank <= most,
    "rank",
    rank,
    `an integer from 1 to ${most} for ${count} demonstrations`,
  );
  demonstrations.forEach(({ caption, hallucinated }, i) => {
    check(
      caption.trim() !== hallucinated.trim(),
      `demonstration ${i}`,
      "two equal captions",
      "a true and a hallucinated one",
    );
  });
  return { maskRatio, maskings, rank, grouping, seed };
}

async function collect(
  probe: Probe,
  demonstrations: readonly Demonstration[],
  settings: FitSettings,
  { onProgress, signal }: FitOptions,
): Promise<Differences> {
  const vision: Float32Array[] = [];
  const text: Float32Array[] = [];
  let visionShape: StateShape = { layers: 0, tokens: 0, width: 0 };
  let textShape = visionShape;
  for (const [i, { image, prompt, caption, hallucinated }] of demonstrations.entries()) {
    if (signal?.aborted)
      throw new AbortedError(`aborted after ${i} demonstrations`, { cause: signal.reason });
    const random = new SeededRandom(settings.seed, `masks of demonstration ${i}`);
    const visual = await visualDifference(probe, image, settings, random);
    vision.push(visual.difference);
    visionShape = visual.shape;
    const truth = await probe.textStates(prompt, caption, image);
    const lie = await probe.textStates(prompt, hallucinated, image);
    text.push(truth.states.map((value, k) => value - lie.states[k]!));
    textShape = { layers: truth.layers, tokens: 1, width: truth.width };
    onProgress?.(i + 1, demonstrations.length);
  }
  return { vision, visionShape, text, textShape };
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
  halvesCosine: readonly number[],
): JsonValue {
  return {
    explained,
    norms: layerNorms(direction, shape).slice(1),
    halvesCosine: halvesCosine.slice(1),
  };
}

function withoutEmbeddings(
  direction: Float32Array,
  { layers, tokens, width }: StateShape,
): LayerDirections {
  return { layers: layers - 1, positions: tokens, width, data: direction.slice(tokens * width) };
}
