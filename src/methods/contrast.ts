import { applyPlausibility } from "./plausibility.js";

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
