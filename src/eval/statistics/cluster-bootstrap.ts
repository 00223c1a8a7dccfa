import { InvalidArgumentError } from "../../errors.js";
import { groupBy } from "../../math/group-by.js";
import { SeededRandom } from "../../math/seeded-random.js";
import type { Counts } from "../contract/benchmark.js";
import type { Turns } from "../data/turns.js";

/** A value between two others, in the metric's unit. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** How the bootstrap draws. */
export interface BootstrapOptions {
  /** Number of resamples, at least 100; 2,000 by default. */
  readonly resamples?: number;
  /** Share of the distribution inside the interval, above 0 and below 1; 0.95 by default. */
  readonly level?: number;
  readonly seed?: number;
}

/** The stratum of a cluster, by its counts. */
export type StratumOf = (counts: Counts) => string;

/** Counts of clusters: most are like many others, and what is alike is kept once. */
interface CountTable {
  readonly keys: readonly string[];
  /** By cluster: which kind it is of. */
  readonly kinds: Int32Array;
  /** Counts of each kind, a row each, in the order of `keys`. */
  readonly data: Float64Array;
}

/**
 * Draws as many clusters as there are, with replacement, `resamples` times, and hands the summed counts
 * of each draw to `visit`, with a rest after each. Clusters (images) and not questions are drawn, since questions about one
 * image are not independent.
 *
 * With strata, clusters are drawn within each: one fewer than it has, n, and counted n / (n - 1) times each. As many as
 * it has would vary too little, by (n - 1) / n, which is much in a small stratum. One that is alone is always drawn.
 *
 * @param groups count lists of equal length; the same clusters are drawn in each (paired data)
 * @param stratumOf the stratum of a cluster, by its counts in the first group; all in one sample where left out
 * @see Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapters 6 and 8
 * @see Rao and Wu 1988, Journal of the American Statistical Association 83, for strata
 */
export function* drawClusters(
  groups: readonly (readonly Counts[])[],
  visit: (totals: readonly Record<string, number>[]) => void,
  { resamples = 2000, seed = 0 }: BootstrapOptions = {},
  stratumOf?: StratumOf,
): Turns<void> {
  if (!Number.isInteger(resamples) || resamples < 100) {
    throw new InvalidArgumentError(
      `resamples: received ${resamples}; expected an integer of at least 100`,
    );
  }
  const rows = groups[0]?.length ?? 0;
  if (groups.some((group) => group.length !== rows)) {
    throw new InvalidArgumentError("paired groups hold different clusters; expected the same ones");
  }
  if (rows === 0) return;
  const random = new SeededRandom(seed, "bootstrap");
  const strata = stratumOf === undefined ? null : placesByStratum(groups[0]!, stratumOf);
  const order = strata?.flat();
  const tables = groups.map((group) =>
    countTable(order === undefined ? group : order.map((place) => group[place]!)),
  );
  const samples = strata === null ? [{ size: rows, draws: rows }] : samplesOf(strata);
  const weights = Float64Array.from(weightsOf(samples));
  const drawn = new Int32Array(weights.length);
  for (let resample = 0; resample < resamples; resample++) {
    let start = 0;
    let at = 0;
    for (const { size, draws } of samples) {
      for (let i = 0; i < draws; i++) drawn[at++] = start + random.integer(size);
      start += size;
    }
    visit(tables.map((table) => sumRows(table, drawn, weights)));
    yield;
  }
}

/** How many clusters there are, which stand side by side, and how many of them are drawn. */
interface Sample {
  readonly size: number;
  readonly draws: number;
}

function samplesOf(strata: readonly (readonly number[])[]): Sample[] {
  return strata.map(({ length: size }) => ({ size, draws: Math.max(1, size - 1) }));
}

/** How often each draw counts. */
function* weightsOf(samples: readonly Sample[]): Generator<number> {
  for (const { size, draws } of samples) for (let i = 0; i < draws; i++) yield size / draws;
}

/** Where the clusters of each stratum stand. */
function placesByStratum(clusters: readonly Counts[], stratumOf: StratumOf): number[][] {
  const places = groupBy([...clusters.keys()], (place) => stratumOf(clusters[place]!));
  return [...places.values()];
}

function countTable(counts: readonly Counts[]): CountTable {
  const named = new Set<string>();
  for (const row of counts) for (const key of Object.keys(row)) named.add(key);
  const keys = [...named];
  const kindOf = new Map<string, number>();
  const data: number[] = [];
  const kinds = Int32Array.from(counts, (row) => {
    const values = keys.map((key) => row[key] ?? 0);
    const name = values.join();
    const known = kindOf.get(name);
    if (known !== undefined) return known;
    for (const value of values) data.push(value);
    kindOf.set(name, kindOf.size);
    return kindOf.size - 1;
  });
  return { keys, kinds, data: Float64Array.from(data) };
}

/** @param weights how often each of the drawn rows counts */
function sumRows(
  { keys, kinds, data }: CountTable,
  drawn: Int32Array,
  weights: Float64Array,
): Record<string, number> {
  const width = keys.length;
  const times = new Float64Array(width === 0 ? 0 : data.length / width);
  const sums = new Float64Array(width);
  // Plain loops: they are most of what an interval costs.
  for (let i = 0; i < drawn.length; i++) times[kinds[drawn[i]!]!]! += weights[i]!;
  for (let kind = 0, at = 0; kind < times.length; kind++) {
    const n = times[kind]!;
    for (let k = 0; k < width; k++, at++) sums[k]! += n * data[at]!;
  }
  return Object.fromEntries(keys.map((key, k) => [key, sums[k]!]));
}

/**
 * The middle `level` share of values (percentile interval); null when there are none.
 *
 * @param values any order; not touched
 */
export function percentileInterval(values: readonly number[], level = 0.95): Interval | null {
  if (!(level > 0 && level < 1)) {
    throw new InvalidArgumentError(`level: received ${level}; expected above 0 and below 1`);
  }
  if (values.length === 0) return null;
  const sorted = Float64Array.from(values).sort();
  const tail = (1 - level) / 2;
  return { low: quantile(sorted, tail), high: quantile(sorted, 1 - tail) };
}

/** Linear interpolation between order statistics (type 7 of Hyndman and Fan 1996). */
function quantile(sorted: Float64Array, share: number): number {
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below]!;
  return low + (position - below) * ((sorted[below + 1] ?? low) - low);
}
