import { checkSettings, type SettingsSchema } from "../arguments/settings.js";
import type { Method } from "../engine/method.js";
import { argMax } from "../math/arg-max.js";
import { logSumExp } from "../math/log-sum-exp.js";
import { stackedExits } from "../onnx/edits/stacked-exits.js";
import { carried, carriedSetting, scoredBehind, startChanged } from "./carried.js";
import { LAYERS, layerRange } from "./layer-range.js";
import type { MethodEntry } from "./method-entry.js";
import { applyPlausibility } from "./plausibility.js";
import { regular } from "./regular.js";

/** Options of {@link dola}. */
export interface DolaOptions {
  /**
   * The early layers of which one is contrasted at each step: "low" is every second one of the lower half, "high" of the
   * upper half, and others are named as by {@link layerRange}, "16" for one that is always taken (static). Default "low",
   * which the authors take for long answers.
   */
  readonly layers?: string;
  /** Weight of the early layer's log-probabilities, at least 0. Default 1, the authors'. */
  readonly alpha?: number;
  /** Share of the best token's probability that a token needs, in [0, 1]. Default 0.1. */
  readonly relativeTop?: number;
  /** Whether the final norm stands before the head for early layers: "none", the authors' code, or "final". Default "none". */
  readonly norm?: "none" | "final";
  /** The method whose scores take the place of the last layer's logits. Default `regular()`. */
  readonly method?: Method;
}

const SETTINGS = {
  layers: {
    ...LAYERS,
    default: "low",
    summary: "early layers: low, high, or such as 16, or 0-15/32",
  },
  alpha: { type: "number", min: 0, default: 1, summary: "weight of the early layer" },
  relativeTop: {
    type: "number",
    min: 0,
    max: 1,
    default: 0.1,
    called: "relative top",
    summary: "plausibility: share of the best token's probability",
  },
  norm: {
    type: "choice",
    choices: ["none", "final"],
    default: "none",
    summary: "norm of early layers before the head",
  },
  method: { type: "method", default: null, summary: "the method that decodes" },
} as const satisfies SettingsSchema;

/** The authors' sets of layers, for models of 32. */
const SETS: Readonly<Record<string, string>> = {
  low: "0 2 4 6 8 10 12 14/32",
  high: "16 18 20 22 24 26 28 30/32",
};

/**
 * DoLa: what an early layer believed already counts less. Of the early layers that one is taken at each step whose
 * distribution differs most from the last layer's.
 *
 *     i* = argmax_i D(p, p_i),  D = (KL(m || p) + KL(m || p_i)) / 2,  m = (p + p_i) / 2
 *     scores = ln p - alpha ln p_{i*},  kept where p[y] >= relative top max p
 *
 * As in the authors' code, and other than in their paper, the divergence goes from the mean to the two distributions, and
 * no norm stands between an early layer and the head. Their scripts add a repetition penalty of 1.2, which is an option
 * of requests here.
 *
 * @throws InvalidArgumentError for an unknown option or a value out of range
 * @see Chuang et al. 2024 (arXiv 2309.03883), section 2
 */
export function dola(options: DolaOptions = {}): Method {
  const { layers, alpha, relativeTop, norm } = checkSettings("dola", SETTINGS, options);
  const { method = regular() } = options;
  const choice = layerRange("layers", Object.hasOwn(SETS, layers) ? SETS[layers]! : layers);
  const exits = stackedExits(choice, { norm });
  const edits = alpha === 0 ? [] : [{ edit: exits.edit, strength: 1 }];
  return {
    name: "dola",
    settings: { layers, alpha, relativeTop, norm, method: carriedSetting(method) },
    ...carried(method, edits),
    start: (run) =>
      startChanged(method, run, (session) =>
        scoredBehind(session, edits, (scores, readings) => {
          const contrasted = scores.slice();
          if (alpha > 0) {
            const logits = readings[exits.logits]!;
            const layer = mostDivergent(scores, logits, readings[exits.normalizers]!);
            const from = layer * scores.length;
            for (let i = 0; i < scores.length; i++) contrasted[i]! -= alpha * logits[from + i]!;
          }
          applyPlausibility(scores, relativeTop, contrasted);
          return contrasted;
        }),
      ),
  };
}

/**
 * The early layer that differs most from the last one: of equal ones the first.
 *
 * @param scores (V), of the last layer; those that are excluded are left out
 * @param logits (n x V), with their normalizers (n)
 */
export function mostDivergent(
  scores: Float32Array,
  logits: Float32Array,
  normalizers: Float32Array,
): number {
  const { length: vocabulary } = scores;
  if (normalizers.length === 1) return 0;
  const normalizer = logSumExp(scores);
  const divergences = new Float64Array(normalizers.length);
  for (let i = 0; i < vocabulary; i++) {
    const last = scores[i]! - normalizer;
    if (last === Number.NEGATIVE_INFINITY) continue;
    const probability = Math.exp(last);
    for (let layer = 0; layer < divergences.length; layer++) {
      const early = logits[layer * vocabulary + i]! - normalizers[layer]!;
      const mean = 0.5 * (probability + Math.exp(early));
      if (mean > 0) divergences[layer]! += mean * (2 * Math.log(mean) - last - early);
    }
  }
  return argMax(divergences);
}

/** See {@link dola}. */
export const DOLA: MethodEntry = {
  name: "dola",
  summary:
    "the last layer contrasted with an early one (a negative control); may carry another method",
  paper: "Chuang et al. 2024 (arXiv 2309.03883)",
  cost: "1 stream, the head with a row more for each early layer",
  settings: SETTINGS,
  create: dola,
};
