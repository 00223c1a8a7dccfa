/**
 * Entropy in nats: -sum_i p_i ln p_i.
 *
 * @param logProbs ln p (V), not modified; -Infinity adds nothing
 */
export function entropy(logProbs: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < logProbs.length; i++) {
    const logProb = logProbs[i]!;
    if (logProb !== Number.NEGATIVE_INFINITY) sum -= Math.exp(logProb) * logProb;
  }
  return sum;
}
