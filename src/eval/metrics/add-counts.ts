import type { Counts } from "../contract/benchmark.js";

/** The sum of counts, key by key. */
export function addCounts(all: Iterable<Counts>): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const counts of all) {
    for (const [key, value] of Object.entries(counts)) sum[key] = (sum[key] ?? 0) + value;
  }
  return sum;
}
