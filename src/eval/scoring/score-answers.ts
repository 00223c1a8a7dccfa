import type {
  Benchmark,
  Counts,
  MetricValue,
  Question,
  ScoredQuestion,
} from "../contract/benchmark.js";
import { groupBy } from "../data/group-by.js";
import type { AnswerRow } from "../data/read-answers.js";
import { addCounts } from "../metrics/add-counts.js";
import { metricValues } from "../metrics/metric-values.js";
import { behaviourClusters } from "./behaviour-counts.js";
import { requireRule } from "./benchmark-rules.js";
import { type AnsweredQuestion, matchAnswers } from "./match-answers.js";

/** What a benchmark makes of a set of answers. */
export interface BenchmarkScore {
  readonly rule: string;
  /** Number of answers. */
  readonly n: number;
  /** Answers that the rule could not read. */
  readonly unparsed: number;
  readonly counts: Counts;
  readonly metrics: Readonly<Record<string, MetricValue>>;
  readonly scored: readonly ScoredQuestion[];
  /** Counts by cluster, in order of first appearance: what the bootstrap draws from. */
  readonly clusters: ReadonlyMap<string, Counts>;
  /** Counts of what the answers are like, by cluster, for `behaviourMetrics`. */
  readonly behaviour: ReadonlyMap<string, Counts>;
}

/** How answers are scored. */
export interface ScoringOptions {
  /** A rule of the benchmark; its first by default. */
  readonly rule?: string;
  /** Score the questions that have an answer and leave out the rest, instead of refusing. */
  readonly allowMissing?: boolean;
}

/**
 * Scores answers by anyone: matches them to questions by identifier (by order where no answer has one)
 * and sums the counts.
 *
 * @throws DatasetError naming answers without question and questions without answer
 * @throws InvalidArgumentError for an unknown rule
 */
export function scoreAnswers(
  benchmark: Benchmark,
  questions: readonly Question[],
  answers: readonly AnswerRow[],
  { rule, allowMissing = false }: ScoringOptions = {},
): BenchmarkScore {
  return scoreMatched(benchmark, matchAnswers(benchmark, questions, answers, allowMissing), rule);
}

/** The same for answers already matched to their questions. */
export function scoreMatched(
  benchmark: Benchmark,
  answered: readonly AnsweredQuestion[],
  rule: string = benchmark.rules[0],
): BenchmarkScore {
  requireRule(benchmark, rule);
  const scored = answered.map(({ question, answer, verdict }) => ({
    question,
    answer,
    score: question.score(answer, { rule, verdict }),
  }));
  const clusters = clusterCounts(benchmark, scored);
  const counts = addCounts(clusters.values());
  return {
    rule,
    n: scored.length,
    unparsed: scored.filter(({ score }) => score.outcome === "unparsed").length,
    counts,
    metrics: metricValues(benchmark, counts),
    scored,
    clusters,
    behaviour: behaviourClusters(benchmark, rule, scored),
  };
}

/** Counts of each cluster, those that need all its answers together included. */
export function clusterCounts(
  benchmark: Benchmark,
  scored: readonly ScoredQuestion[],
): Map<string, Counts> {
  const byCluster = groupBy(scored, ({ question }) => question.cluster);
  return new Map(
    [...byCluster].map(([cluster, members]) => [
      cluster,
      addCounts([
        ...members.map(({ score }) => score.counts),
        benchmark.clusterCounts?.(members) ?? {},
      ]),
    ]),
  );
}
