import { checkSettings, type SettingsSchema } from "../arguments/settings.js";
import type { Method } from "../engine/method.js";
import { logSumExp } from "../math/log-sum-exp.js";
import { topIndices } from "../math/top-indices.js";
import { stackedExits } from "../onnx/edits/stacked-exits.js";
import { carried, carriedSetting, scoredBehind, startChanged } from "./carried.js";
import { LAYERS, layerRange } from "./layer-range.js";
import type { MethodEntry } from "./method-entry.js";
import { regular } from "./regular.js";

/** Options of {@link deco}. */
export interface DecoOptions {
  /** Strength of the correction, at least 0. Default 0.6, as in the authors' code. */
  readonly alpha?: number;
  /** Candidates are the likeliest tokens that hold this probability, in [0, 1]. Default 0.9. */
  readonly topP?: number;
  /** At most so many candidates; 0 for any number. Default 20. */
  readonly topK?: number;
  /** The early exits, for example "20-28"; see {@link layerRange}. Default "20-28/32", the authors'. */
  readonly layers?: string;
  /** The method whose scores take the place of the last layer's logits. Default `regular()`. */
  readonly method?: Method;
}

const SETTINGS = {
  alpha: { type: "number", min: 0, default: 0.6, summary: "strength of the correction" },
  topP: {
    type: "number",
    min: 0,
    max: 1,
    default: 0.9,
    summary: "probability of candidates",
    flag: "candidate-top-p",
  },
  topK: {
    type: "integer",
    min: 0,
    default: 20,
    summary: "most candidates, 0 for any number",
    flag: "candidate-top-k",
  },
  layers: { ...LAYERS, default: "20-28/32" },
  method: { type: "method", default: null, summary: "the method that decodes" },
} as const satisfies SettingsSchema;

/** What an early exit makes of the next token. */
interface Exits {
  /** (n x V) logits behind n layers */
  readonly logits: Float32Array;
  /** (n) ln sum exp of each layer's logits */
  readonly normalizers: Float32Array;
}

/**
 * DeCo: adds the logits of that early layer which is surest of one of the last layer's likeliest tokens.
 *
 *     C = the likeliest tokens of the last layer that hold top p, at most top k
 *     i* = the early layer with the largest max_{y in C} p_i(y),  p_i = softmax(head(norm(h_i)))
 *     scores = l + alpha max_{y in C} p_{i*}(y) l_{i*},  kept for tokens of C
 *
 * With alpha 0 only the choice of candidates is left: the control.
 *
 * @throws InvalidArgumentError for an unknown option or a value out of range
 * @see Wang et al. 2025 (arXiv 2410.11779), section 4
 */
export function deco(options: DecoOptions = {}): Method {
  const { alpha, topP, topK, layers } = checkSettings("deco", SETTINGS, options);
  const { method = regular() } = options;
  const exits = stackedExits(layerRange("layers", layers), { norm: "final" });
  const edits = alpha === 0 ? [] : [{ edit: exits.edit, strength: 1 }];
  return {
    name: "deco",
    settings: { alpha, topP, topK, layers, method: carriedSetting(method) },
    ...carried(method, edits),
    start: (run) =>
      startChanged(method, run, (session) =>
        scoredBehind(session, edits, (scores, readings) => {
          const kept = candidates(scores, topP, topK);
          const read = {
            logits: readings[exits.logits]!,
            normalizers: readings[exits.normalizers]!,
          };
          return correct(scores, kept, alpha === 0 ? undefined : read, alpha);
        }),
      ),
  };
}

/** The likeliest tokens that hold a probability, the token that reaches it included; at most so many of them. */
export function candidates(scores: Float32Array, topP: number, topK: number): number[] {
  const all = topIndices(scores, topK === 0 ? scores.length : topK);
  if (topP === 1) return all;
  const normalizer = logSumExp(scores, scores[all[0] ?? 0]!);
  let mass = 0;
  const last = all.findIndex((id) => {
    mass += Math.exp(scores[id]! - normalizer);
    return mass >= topP;
  });
  return last < 0 ? all : all.slice(0, last + 1);
}

/**
 * Adds the surest layer's logits to scores of candidates; all other tokens are excluded.
 *
 * @param scores (V), changed in place
 */
export function correct(
  scores: Float32Array,
  candidates: readonly number[],
  exits: Exits | undefined,
  alpha: number,
): Float32Array {
  const kept = candidates.map((id) => scores[id]!);
  const { layer, probability } = surest(candidates, exits, scores.length);
  scores.fill(Number.NEGATIVE_INFINITY);
  candidates.forEach((id, i) => {
    const early = exits === undefined ? 0 : exits.logits[layer * scores.length + id]!;
    scores[id] = kept[i]! + alpha * probability * early;
  });
  return scores;
}

/** The layer that gives a candidate the largest probability; of equal ones the first. */
function surest(
  candidates: readonly number[],
  exits: Exits | undefined,
  vocabulary: number,
): { layer: number; probability: number } {
  let best = { layer: 0, probability: 0 };
  exits?.normalizers.forEach((normalizer, layer) => {
    for (const id of candidates) {
      const probability = Math.exp(exits.logits[layer * vocabulary + id]! - normalizer);
      if (probability > best.probability) best = { layer, probability };
    }
  });
  return best;
}

/** See {@link deco}. */
export const DECO: MethodEntry = {
  name: "deco",
  summary:
    "corrected by the early layer that is surest of a likely token; may carry another method",
  paper: "Wang et al. 2025 (arXiv 2410.11779)",
  cost: "1 stream, the head with a row more for each early layer",
  settings: SETTINGS,
  create: deco,
};
