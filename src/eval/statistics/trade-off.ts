import type { Counts, Metric } from "../contract/benchmark.js";
import type { Turns } from "../data/turns.js";
import { addCounts } from "../metrics/add-counts.js";
import {
  type BootstrapOptions,
  drawClusters,
  type Interval,
  percentileInterval,
} from "./cluster-bootstrap.js";
import { differingClusters, twoSidedP } from "./paired-bootstrap.js";
import { isUnvaried } from "./unvaried.js";

/** Two metrics of the same counts: what is found, and what is invented for it. */
export interface TradeOff {
  readonly recall: Metric;
  readonly hallucination: Metric;
}

/** How far a method lies from what trivial means reach. */
export interface TradeOffDifference {
  /** The method's recall. */
  readonly recall: number;
  /** What the baselines hallucinate at that recall. */
  readonly baseline: number;
  /** What the method hallucinates, less that. */
  readonly difference: number;
  /** Null where no draw differs from another. */
  readonly interval: Interval | null;
  readonly pValue: number;
}

/**
 * What a method hallucinates, less what trivial baselines do at the same recall. Between two baselines lies their
 * mixture: each caption by the one or the other with a fixed chance, so that their counts mix linearly. Below the
 * lowest recall lies the mixture with captions that say nothing, which hallucinates as the lowest baseline does;
 * above the highest there is no baseline, and the one with the highest recall stands in. Of baselines with the same
 * recall the one that hallucinates least counts.
 *
 * The interval is the percentile bootstrap's over clusters, the same ones drawn for the method and all baselines;
 * the p-value is as that of the paired bootstrap.
 *
 * @param method counts by cluster
 * @param baselines counts of each baseline, in the same order of clusters; the last is the model as it is
 * @returns null where a metric is undefined
 */
export function* tradeOffDifference(
  method: readonly Counts[],
  baselines: readonly (readonly Counts[])[],
  tradeOff: TradeOff,
  options: BootstrapOptions = {},
): Turns<TradeOffDifference | null> {
  const found = differenceOf(addCounts(method), baselines.map(addCounts), tradeOff);
  if (found === null) return null;
  const draws: number[] = [];
  yield* drawClusters(
    [method, ...baselines],
    ([own = {}, ...others]) => {
      const drawn = differenceOf(own, others, tradeOff);
      if (drawn !== null) draws.push(drawn.difference);
    },
    options,
  );
  const interval = percentileInterval(draws, options.level);
  if (interval === null) return null;
  const last = baselines.at(-1) ?? [];
  const differing = Math.max(
    differingClusters(method, last, tradeOff.recall),
    differingClusters(method, last, tradeOff.hallucination),
  );
  return {
    ...found,
    interval: isUnvaried(interval) ? null : interval,
    pValue: twoSidedP(draws, differing),
  };
}

function differenceOf(
  method: Counts,
  baselines: readonly Counts[],
  tradeOff: TradeOff,
): Omit<TradeOffDifference, "interval" | "pValue"> | null {
  const recall = tradeOff.recall.of(method).value;
  const own = tradeOff.hallucination.of(method).value;
  if (recall === null || own === null) return null;
  const baseline = hallucinationAt(recall, baselines, tradeOff);
  return baseline === null ? null : { recall, baseline, difference: own - baseline };
}

/** What the baselines hallucinate at a recall; null where none of them has a value. */
function hallucinationAt(
  recall: number,
  baselines: readonly Counts[],
  tradeOff: TradeOff,
): number | null {
  const points = baselines
    .flatMap((counts) => {
      const [found, invented] = [tradeOff.recall.of(counts), tradeOff.hallucination.of(counts)];
      if (found.value === null || invented.value === null) return [];
      return [{ counts, recall: found.value, hallucination: invented.value }];
    })
    .sort((a, b) => a.recall - b.recall || a.hallucination - b.hallucination)
    // Of several with the same recall the one that hallucinates least.
    .filter((point, i, all) => point.recall !== all[i - 1]?.recall);
  const above = points.findIndex((point) => point.recall >= recall);
  const high = above < 0 ? points.at(-1) : points[above];
  const low = points[above - 1];
  if (high === undefined || low === undefined) return high?.hallucination ?? null;
  const share = (recall - low.recall) / (high.recall - low.recall);
  return tradeOff.hallucination.of(mixture(low.counts, high.counts, share)).value;
}

/** Counts of captions of which a share is by the second. */
function mixture(first: Counts, second: Counts, share: number): Counts {
  const part = (counts: Counts, weight: number) =>
    Object.fromEntries(Object.entries(counts).map(([key, value]) => [key, weight * value]));
  return addCounts([part(first, 1 - share), part(second, share)]);
}
