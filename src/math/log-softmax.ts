import { logSumExp } from "./log-sum-exp.js";

/**
 * Log-probabilities in nats: x_i - ln(sum_j exp(x_j)). -Infinity stays -Infinity.
 *
 * @param logits (V), not modified
 * @returns (V), new
 */
export function logSoftmax(logits: ArrayLike<number>): Float32Array {
  const norm = logSumExp(logits);
  const logProbs = new Float32Array(logits.length);
  for (let i = 0; i < logits.length; i++) {
    logProbs[i] =
      logits[i] === Number.NEGATIVE_INFINITY ? Number.NEGATIVE_INFINITY : logits[i]! - norm;
  }
  return logProbs;
}
