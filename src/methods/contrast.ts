import type { NumberSetting } from "../arguments/settings.js";
import type { MethodSession } from "../engine/method.js";
import type { View } from "../engine/view.js";
import { applyPlausibility } from "./plausibility.js";

/** The setting `alpha` of methods that contrast two streams. */
export const ALPHA: NumberSetting & { readonly default: number } = {
  type: "number",
  min: 0,
  default: 1,
  summary: "strength of the contrast",
};

/**
 * The contrast of two streams with its plausibility mask.
 *
 * @param clear l(v) (V), not modified
 * @param distorted l(v') (V), overwritten
 * @returns (1 + alpha) l(v) - alpha l(v') (V), -Infinity where implausible; the array `distorted`
 * @see Leng et al. 2024 (arXiv 2311.16922), equations 3 and 4
 */
export function contrast(
  clear: Float32Array,
  distorted: Float32Array,
  alpha: number,
  beta: number,
): Float32Array {
  const scores = distorted;
  for (let i = 0; i < scores.length; i++) scores[i] = (1 + alpha) * clear[i]! - alpha * scores[i]!;
  applyPlausibility(clear, beta, scores);
  return scores;
}

/**
 * The session of a view that is contrasted with the mean of others. Without strength these are not decoded: what is left
 * is the view's own answer, bit for bit, under the plausibility constraint.
 *
 * @param others at least one
 */
export function contrastSession(
  view: View,
  others: readonly View[],
  alpha: number,
  beta: number,
): MethodSession {
  if (alpha === 0) {
    return {
      streams: [{ view }],
      scores([output]) {
        const { logits } = output!;
        applyPlausibility(logits, beta, logits);
        return logits;
      },
    };
  }
  return {
    streams: [{ view }, ...others.map((other) => ({ view: other }))],
    scores: ([clear, ...distorted]) =>
      contrast(clear!.logits, meanLogits(distorted.map(({ logits }) => logits)), alpha, beta),
  };
}

/**
 * The mean of the logits of several streams.
 *
 * @param rows l (n, V) with n at least 1; the first is overwritten
 * @returns sum_i l_i / n (V); the first of `rows`
 */
function meanLogits(rows: readonly Float32Array[]): Float32Array {
  const [mean, ...others] = rows as [Float32Array, ...Float32Array[]];
  if (others.length === 0) return mean;
  for (let k = 0; k < mean.length; k++) {
    let sum = mean[k]!;
    for (const other of others) sum += other[k]!;
    mean[k] = sum / rows.length;
  }
  return mean;
}
