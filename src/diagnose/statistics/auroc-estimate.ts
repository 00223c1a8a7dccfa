import type { BootstrapOptions } from "../../eval/index.js";
import type { Estimate } from "../contract/analysis.js";
import { auroc } from "./auroc.js";
import { clusterEstimate } from "./cluster-estimate.js";

/**
 * AUROC of a score with its interval by bootstrap over clusters. Where a score tells all apart, it rests on the fewer of the
 * clusters with a positive and those with a negative.
 *
 * @param scoreOf higher where an item is expected to be positive
 * @see {@link auroc}, {@link clusterEstimate}
 */
export function aurocEstimate<T>(
  items: readonly T[],
  clusterOf: (item: T) => string,
  scoreOf: (item: T) => number,
  isPositive: (item: T) => boolean,
  options: BootstrapOptions = {},
): Estimate {
  const clustersOf = (is: boolean) =>
    new Set(items.filter((item) => isPositive(item) === is).map(clusterOf)).size;
  const clusters = Math.min(clustersOf(true), clustersOf(false));
  return clusterEstimate(
    items,
    clusterOf,
    (sample) => auroc(sample.map(scoreOf), sample.map(isPositive)),
    { range: { low: 0, high: 1 }, clusters, ...options },
  );
}
