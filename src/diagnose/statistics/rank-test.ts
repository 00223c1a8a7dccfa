import { midRanks } from "./mid-ranks.js";

/** Mann and Whitney's test. */
export interface RankTest {
  /** U of the first sample: pairs in which it is higher, ties counted half. */
  readonly u: number;
  /** Two-sided. */
  readonly p: number;
}

/**
 * Mann and Whitney's rank test: whether values of one sample tend to be higher than those of another. By the normal
 * approximation with the correction for ties and for continuity, as scipy's `mannwhitneyu(method="asymptotic")`. It takes
 * values for independent: beside it, give an interval over images.
 *
 * @returns null where a sample is empty, or all values are equal
 * @see Mann and Whitney 1947, Annals of Mathematical Statistics 18
 */
export function rankTest(first: readonly number[], second: readonly number[]): RankTest | null {
  const [m, n] = [first.length, second.length];
  const { ranks, ties } = midRanks([...first, ...second]);
  let rankSum = 0;
  for (let i = 0; i < m; i++) rankSum += ranks[i]!;
  const u = rankSum - (m * (m + 1)) / 2;
  const all = m + n;
  const tied = ties.reduce((sum, t) => sum + t ** 3 - t, 0);
  const variance = ((m * n) / 12) * (all + 1 - tied / (all * (all - 1)));
  if (!(variance > 0)) return null;
  const z = Math.max(0, Math.abs(u - (m * n) / 2) - 0.5) / Math.sqrt(variance);
  return { u, p: Math.min(1, erfc(z / Math.SQRT2)) };
}

/**
 * The complementary error function, for x of at least 0, within 1.2e-7 of its value.
 *
 * @see Press et al., Numerical Recipes, erfcc (Chebyshev fit)
 */
function erfc(x: number): number {
  const t = 1 / (1 + x / 2);
  let sum = 0;
  for (const coefficient of ERFC) sum = sum * t + coefficient;
  return t * Math.exp(-x * x + sum);
}

const ERFC = [
  0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196,
  1.00002368, -1.26551223,
];
