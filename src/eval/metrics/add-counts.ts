import type { Counts } from "../contract/benchmark.js";

/** The sum of counts, key by key. */
export function addCounts(all: Iterable<Counts>): Record<string, number> {
  // A map: keys may come from data, and a record has keys of its own (`constructor`).
  const sum = new Map<string, number>();
  for (const counts of all) {
    for (const [key, value] of Object.entries(counts)) sum.set(key, (sum.get(key) ?? 0) + value);
  }
  return Object.fromEntries(sum);
}
