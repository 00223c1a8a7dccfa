import type { Benchmark, Counts } from "../contract/benchmark.js";
import { sha256 } from "../data/sha-256.js";
import { addCounts } from "../metrics/add-counts.js";
import type { AnsweredQuestion } from "../scoring/answer-matcher.js";
import { primaryMetricOf } from "../scoring/primary-metric.js";

/** A question with how far yes is ahead of no, in nats. */
export interface Margin {
  readonly question: AnsweredQuestion["question"];
  readonly margin: number;
}

/** Answers by threshold, with the thresholds. */
export interface ThresholdAnswers {
  readonly answered: readonly AnsweredQuestion[];
  /** Of each half of the images, as it was chosen on the other. */
  readonly thresholds: readonly [number, number];
}

/**
 * Yes where a margin is above a threshold, else no. Images are cut into two halves by the hash of their name, and each
 * half is answered by the threshold that is best on the other, so that no answer helped to choose its own.
 *
 * @returns null where all images lie in one half
 */
export function thresholdAnswers(
  benchmark: Benchmark,
  rule: string,
  margins: readonly Margin[],
): ThresholdAnswers | null {
  const halves = [0, 1].map((half) =>
    margins.filter(({ question }) => halfOf(question.cluster) === half),
  );
  const [ofSecond, ofFirst] = halves.map((half) => bestThreshold(benchmark, rule, half));
  if (ofFirst == null || ofSecond == null) return null;
  const thresholds = [ofFirst, ofSecond] as const;
  const answered = margins.map((one) => answeredBy(one, thresholds[halfOf(one.question.cluster)]));
  return { answered, thresholds };
}

/** Yes where the margin is above the threshold, else no. */
export function answeredBy({ question, margin }: Margin, threshold: number): AnsweredQuestion {
  return { question, answer: margin > threshold ? "Yes" : "No", verdict: null };
}

/** Which half of the images one belongs to, for good: the first bit of its name's SHA-256. */
export function halfOf(image: string): 0 | 1 {
  return Number.parseInt(sha256(image).charAt(0), 16) < 8 ? 0 : 1;
}

/**
 * The threshold under which the benchmark's main metric is best; of several the one nearest to 0, where the model itself
 * decides.
 *
 * @returns null without questions, and where the metric has no value under any threshold
 */
export function bestThreshold(
  benchmark: Benchmark,
  rule: string,
  margins: readonly Margin[],
): number | null {
  const metric = primaryMetricOf(benchmark);
  const ascending = [...margins].sort((a, b) => a.margin - b.margin);
  const saying = ({ question }: Margin, answer: string) =>
    question.score(answer, { rule, verdict: null }).counts;
  // All yes; then one after the other, from the lowest margin on, becomes a no.
  const counts = addCounts(ascending.map((one) => saying(one, "Yes")));
  let best = { threshold: Number.NaN, worth: Number.NEGATIVE_INFINITY };
  for (let below = 0; below <= ascending.length; below++) {
    const last = ascending[below - 1];
    if (last !== undefined) change(counts, saying(last, "Yes"), saying(last, "No"));
    const threshold = between(last?.margin, ascending[below]?.margin);
    const { value } = metric.of(counts);
    if (threshold === null || value === null) continue;
    const worth = metric.better === "lower" ? -value : value;
    const isNearer = worth === best.worth && Math.abs(threshold) < Math.abs(best.threshold);
    if (worth > best.worth || isNearer) best = { threshold, worth };
  }
  return Number.isNaN(best.threshold) ? null : best.threshold;
}

function change(counts: Record<string, number>, from: Counts, to: Counts): void {
  for (const [key, value] of Object.entries(from)) counts[key] = (counts[key] ?? 0) - value;
  for (const [key, value] of Object.entries(to)) counts[key] = (counts[key] ?? 0) + value;
}

/** A threshold from the lower margin on and below the higher one: 0 where it lies there, else the middle; null for none. */
function between(
  low: number = Number.NEGATIVE_INFINITY,
  high: number = Number.POSITIVE_INFINITY,
): number | null {
  if (!(low < high)) return null;
  if (low <= 0 && high > 0) return 0;
  if (low === Number.NEGATIVE_INFINITY) return high - 1;
  return high === Number.POSITIVE_INFINITY ? low : (low + high) / 2;
}
