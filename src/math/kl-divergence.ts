/**
 * Kullback-Leibler divergence in nats: KL(p || q) = sum_i p_i (ln p_i - ln q_i), at least 0; Infinity where q excludes
 * what p allows.
 *
 * @param p ln p (V), not modified
 * @param q ln q (V), not modified
 */
export function klDivergence(p: ArrayLike<number>, q: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < p.length; i++) {
    const logProb = p[i]!;
    if (logProb !== Number.NEGATIVE_INFINITY) sum += Math.exp(logProb) * (logProb - q[i]!);
  }
  // Rounding may leave a sum of nearly nothing below 0.
  return Math.max(0, sum);
}
