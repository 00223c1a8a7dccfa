import type { Counts, MetricValue } from "./benchmark.js";

/** The sum of counts, key by key. */
export function addCounts(all: Iterable<Counts>): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const counts of all) {
    for (const [key, count] of Object.entries(counts)) sum[key] = (sum[key] ?? 0) + count;
  }
  return sum;
}

/** A count, 0 where it never occurred. */
export function count(counts: Counts, key: string): number {
  return counts[key] ?? 0;
}

/**
 * numerator / denominator x scale, or the reason why it is undefined.
 *
 * @param what the denominator in words, for example `no answer said yes`
 */
export function ratio(
  numerator: number,
  denominator: number,
  what: string,
  scale = 1,
): MetricValue {
  if (denominator === 0) return { value: null, reason: what };
  return { value: (scale * numerator) / denominator };
}

/** Harmonic mean of precision and recall, 0 when both are 0; undefined when either is. */
export function harmonicMean(precision: MetricValue, recall: MetricValue): MetricValue {
  if (precision.value === null) return precision;
  if (recall.value === null) return recall;
  const sum = precision.value + recall.value;
  if (sum === 0) return { value: null, reason: "precision and recall are both 0" };
  return { value: (2 * precision.value * recall.value) / sum };
}
