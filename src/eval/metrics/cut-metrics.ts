import type { Benchmark, Counts, Metric } from "../contract/benchmark.js";

/** Lengths at which captions are cut, in words, so that short and long ones are scored over the same length. */
export const CUT_LENGTHS: readonly number[] = [16, 32, 64, 128];

/** Counts of captions that were cut to their first words, among counts of others. */
export function cutCounts(words: number, counts: Counts): Counts {
  return Object.fromEntries(
    Object.entries(counts).map(([key, value]) => [prefixOf(words) + key, value]),
  );
}

/** The counts that {@link cutCounts} put among others. */
export function countsOfCut(words: number, counts: Counts): Counts {
  const prefix = prefixOf(words);
  const own: Record<string, number> = {};
  for (const key in counts) {
    if (key.startsWith(prefix)) own[afterPrefix(key, prefix)] = counts[key]!;
  }
  return own;
}

function prefixOf(words: number): string {
  return `first${words}.`;
}

/** Names of counts without their prefix: intervals ask for the same few thousands of times. */
const NAMES = new Map<string, string>();

function afterPrefix(key: string, prefix: string): string {
  const known = NAMES.get(key);
  if (known !== undefined) return known;
  const name = key.slice(prefix.length);
  NAMES.set(key, name);
  return name;
}

/** A caption benchmark's main metrics over the first 16, 32, 64 and 128 words of each caption. */
export function cutMetrics({ metrics, primaryMetric, tradeOff }: Benchmark): Metric[] {
  if (tradeOff === undefined) return [];
  const names = [tradeOff.hallucination, primaryMetric, tradeOff.recall];
  return metrics
    .filter(({ name }) => names.includes(name))
    .flatMap((metric) => CUT_LENGTHS.map((words) => cutMetric(metric, words)));
}

function cutMetric({ name, title, unit, better, of }: Metric, words: number): Metric {
  return {
    name: cutName(name, words),
    title: `${title}, first ${words} words`,
    unit,
    better,
    of: (c) => of(countsOfCut(words, c)),
  };
}

/** What a metric over the first words of each caption is called. */
export function cutName(metric: string, words: number): string {
  return `${metric}_first_${words}_words`;
}
