/**
 * |V_head|: how many tokens y have p[y] >= beta max p.
 *
 * @param logProbs ln p or logits (V), not modified
 * @param beta in [0, 1]
 * @see Li et al. 2022 (arXiv 2210.15097); Leng et al. 2024 (arXiv 2311.16922), equation 4
 */
export function plausibleCount(logProbs: ArrayLike<number>, beta: number): number {
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logProbs.length; i++) if (logProbs[i]! > max) max = logProbs[i]!;
  const cutoff = Math.log(beta) + max;
  let count = 0;
  for (let i = 0; i < logProbs.length; i++) if (logProbs[i]! >= cutoff) count++;
  return count;
}
