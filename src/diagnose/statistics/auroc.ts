import { midRanks } from "./mid-ranks.js";

/**
 * The area under the receiver operating curve: the chance that a positive has a higher score than a negative, ties counted
 * half.
 *
 *     (R+ - n+ (n+ + 1) / 2) / (n+ n-),   R+ the sum of the positives' ranks
 *
 * @param scores higher where positives are expected
 * @param isPositive of each score
 * @returns 0 to 1; null where there are no positives, or no negatives
 */
export function auroc(scores: readonly number[], isPositive: readonly boolean[]): number | null {
  const { ranks } = midRanks(scores);
  let positives = 0;
  let rankSum = 0;
  for (let i = 0; i < ranks.length; i++) {
    if (!isPositive[i]) continue;
    positives++;
    rankSum += ranks[i]!;
  }
  const negatives = scores.length - positives;
  if (positives === 0 || negatives === 0) return null;
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}
