import type { Counts, MetricValue } from "../contract/benchmark.js";

/** A count, 0 where it never occurred. */
export function count(counts: Counts, key: string): number {
  return counts[key] ?? 0;
}

/**
 * numerator / denominator x scale, or the reason why it is undefined.
 *
 * @param undefinedReason why there is no denominator, for example `no answer said yes`
 */
export function ratio(
  numerator: number,
  denominator: number,
  undefinedReason: string,
  scale = 1,
): MetricValue {
  if (denominator === 0) return { value: null, reason: undefinedReason };
  return { value: (scale * numerator) / denominator };
}

/**
 * Harmonic mean of precision and recall, or of two other shares; undefined when either is, and when both are 0.
 *
 * @param names what the shares are called
 */
export function harmonicMean(
  precision: MetricValue,
  recall: MetricValue,
  names = "precision and recall",
): MetricValue {
  if (precision.value === null) return precision;
  if (recall.value === null) return recall;
  const sum = precision.value + recall.value;
  if (sum === 0) return { value: null, reason: `${names} are both 0` };
  return { value: (2 * precision.value * recall.value) / sum };
}
