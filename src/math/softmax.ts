import { logSumExp } from "./log-sum-exp.js";

/**
 * Probabilities exp(x_i) / sum_j exp(x_j). -Infinity gives 0.
 *
 * @param logits (V), not modified
 * @returns (V), new, sums to 1
 */
export function softmax(logits: ArrayLike<number>): Float32Array {
  const norm = logSumExp(logits);
  const probs = new Float32Array(logits.length);
  for (let i = 0; i < logits.length; i++) {
    probs[i] = logits[i] === Number.NEGATIVE_INFINITY ? 0 : Math.exp(logits[i]! - norm);
  }
  return probs;
}
