import type { Counts, Metric } from "../contract/benchmark.js";

/**
 * True where a metric with strata has a value in one that holds a single cluster: how far that one could differ nobody
 * knows, so that neither an interval nor a p-value can be had.
 */
export function hasSingleClusterStratum(
  { stratum, of }: Pick<Metric, "stratum" | "of">,
  clusters: readonly Counts[],
): boolean {
  if (stratum === undefined) return false;
  const sizes = new Map<string, number>();
  for (const counts of clusters) {
    const name = stratum(counts);
    sizes.set(name, (sizes.get(name) ?? 0) + 1);
  }
  return clusters.some((counts) => sizes.get(stratum(counts)) === 1 && of(counts).value !== null);
}
