import type { NumberSetting } from "../arguments/settings.js";

/** The setting `beta` of every method with a plausibility constraint. */
export const BETA: NumberSetting & { readonly default: number } = {
  type: "number",
  min: 0,
  max: 1,
  default: 0.1,
  summary: "plausibility: share of the best token's probability",
};

/**
 * The adaptive plausibility constraint: excludes tokens far less likely than the best one.
 * Kept are the tokens y with l[y] >= ln(beta) + max l, that is p[y] >= beta max p.
 *
 * @param logits l (V), raw logits of the undistorted stream, before any temperature; not modified
 * @param beta in [0, 1]; 0 keeps all, 1 only the most likely
 * @param scores (V), changed in place: -Infinity where a token is excluded
 * @see Leng et al. 2024 (arXiv 2311.16922), equation 4; Li et al. 2022 (arXiv 2210.15097)
 */
export function applyPlausibility(logits: Float32Array, beta: number, scores: Float32Array): void {
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) if (logits[i]! > max) max = logits[i]!;
  const cutoff = Math.log(beta) + max;
  for (let i = 0; i < logits.length; i++)
    if (logits[i]! < cutoff) scores[i] = Number.NEGATIVE_INFINITY;
}
