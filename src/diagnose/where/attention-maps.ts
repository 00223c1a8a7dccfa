import {
  attentionEdit,
  attentionOutput,
  type FeatureGrid,
  InvalidArgumentError,
  imageAttentionOutput,
  type Model,
  type ReadAnswer,
  type ReadRequest,
  type StepOutputs,
  UnsupportedCapabilityError,
} from "../../index.js";
import type { PatchMap } from "../contract/explanation.js";
import { cellShares, finestCells } from "./spread-over-cells.js";
import type { TokenMaps } from "./token-maps.js";

/** Options of {@link attentionMaps}. */
export interface AttentionMapOptions {
  /** Layers whose attention is averaged, from 0. Default: all whose attention can be read. */
  readonly layers?: readonly number[];
  /** Heads of each layer that are averaged, from 0. Default: all. */
  readonly heads?: readonly number[];
}

/** Maps of attention, and how much of all attention lies on the first image. */
export interface AttentionMaps extends TokenMaps {
  /** For each token: 0 to 1. */
  readonly onImage: readonly number[];
}

/**
 * Where in the first image the model looks while it chooses each token of an answer: attention to the image's features,
 * averaged over layers and heads, laid out as the checkpoint's family lays them over the picture. Tiles and a smaller
 * whole picture are laid over each other, in cells as fine as the finest of them. Takes one pass, token by token.
 *
 *     value of a cell = sum over features in it of  mean over layers l and heads h of  softmax(q k / sqrt(d))_lh
 *
 * Attention is no proof: a model may look at a thing and not use it. Compare `occlusionMaps`.
 *
 * @param request the question with its image, and the answer
 * @throws InvalidArgumentError for layers or heads that are not there, and a question without an image
 * @throws UnsupportedCapabilityError where the graph gives no attention, or the image's features are no grid
 * @throws DatasetError, InferenceError, AbortedError as `Model.read`
 */
export async function attentionMaps(
  model: Model,
  request: ReadRequest,
  { layers = layersOf(model), heads }: AttentionMapOptions = {},
): Promise<AttentionMaps> {
  const edit = attentionEdit(layers);
  const means: Float64Array[] = [];
  const read = await model.read(request, {
    streams: ({ view }) => [{ view, edits: [{ edit, strength: 1 }] }],
    onPosition: ({ readings = {} }, position) => {
      means[position] = meanAttention(readings, layers, heads);
    },
  });
  const { tokens, text, pieces } = read;
  const { places, grids } = firstImageOf(model, read);
  const cells = finestCells(grids);
  const shares = cellShares(grids, cells);
  const ofTokens = means.slice(0, tokens.length);
  const maps = ofTokens.map((mean): PatchMap => {
    const values = new Array<number>(cells.rows * cells.columns).fill(0);
    for (const { feature, cell, share } of shares) values[cell]! += share * mean[places[feature]!]!;
    return { ...cells, values, how: "attention" };
  });
  const onImage = ofTokens.map((mean) => places.reduce((sum, place) => sum + mean[place]!, 0));
  return { tokens, text, pieces, maps, onImage };
}

function layersOf({ info: { layers, attentionLayers } }: Model): readonly number[] {
  return attentionLayers ?? Array.from({ length: layers }, (_, layer) => layer);
}

/** The tokens that stand for the first image's features, and how these lie over it. */
function firstImageOf(
  { info }: Model,
  { images }: ReadAnswer,
): { places: readonly number[]; grids: readonly FeatureGrid[] } {
  const found = images[0]?.find(({ image }) => image === 0);
  if (found === undefined) {
    throw new InvalidArgumentError(
      "attentionMaps: received a question without an image; expected one, over which attention is laid",
    );
  }
  const { spans, grids } = found;
  const places = spans.flatMap(({ start, end }) =>
    Array.from({ length: end - start }, (_, i) => start + i),
  );
  if (grids !== undefined) return { places, grids };
  throw new UnsupportedCapabilityError(
    `attentionMaps: how ${places.length} features of an image lie over it is not known of ${info.id} (${info.family}): its checkpoints' family does not tell, or they are no grid; use occlusion, which needs none`,
  );
}

/**
 * For each token of the context the mean over layers and heads.
 *
 * @throws InvalidArgumentError when a layer has no such head
 */
function meanAttention(
  readings: NonNullable<StepOutputs["readings"]>,
  layers: readonly number[],
  asked: readonly number[] | undefined,
): Float64Array {
  const all = layers.map((layer) => {
    const count = readings[imageAttentionOutput(layer)]!.length;
    const heads = asked ?? Array.from({ length: count }, (_, head) => head);
    const wrong = heads.find((head) => !(Number.isInteger(head) && head >= 0 && head < count));
    if (wrong !== undefined || heads.length === 0) {
      throw new InvalidArgumentError(
        `heads: received ${wrong ?? "none"}; expected some of 0 to ${count - 1}, those of layer ${layer}`,
      );
    }
    return { weights: readings[attentionOutput(layer)]!, count, heads };
  });
  const mean = new Float64Array(all[0]!.weights.length / all[0]!.count);
  for (const { weights, heads } of all) {
    const share = 1 / (layers.length * heads.length);
    for (const head of heads) {
      for (let t = 0; t < mean.length; t++) mean[t]! += share * weights[head * mean.length + t]!;
    }
  }
  return mean;
}
