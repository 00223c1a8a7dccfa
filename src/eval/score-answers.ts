import { DatasetError, InvalidArgumentError } from "../errors.js";
import type { Benchmark, Counts, MetricValue, Question, ScoredQuestion } from "./benchmark.js";
import { addCounts } from "./counts.js";
import { listed } from "./data/parse-rows.js";
import type { AnswerRow } from "./data/read-answers.js";
import { groupBy } from "./group-by.js";

/** An answer with what it is an answer to. */
export interface AnsweredQuestion {
  readonly question: Question;
  readonly answer: string;
  readonly verdict: string | null;
}

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
  };
}

/** All metrics of a benchmark from summed counts. */
export function metricValues(benchmark: Benchmark, counts: Counts): Record<string, MetricValue> {
  return Object.fromEntries(benchmark.metrics.map((metric) => [metric.name, metric.of(counts)]));
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

/** @throws InvalidArgumentError listing the rules there are */
export function requireRule(benchmark: Benchmark, rule: string): void {
  if (!benchmark.rules.includes(rule)) {
    throw new InvalidArgumentError(
      `rule: received ${rule}; ${benchmark.name} has ${benchmark.rules.join(", ")}`,
    );
  }
}

/**
 * Answers with their questions.
 *
 * @throws DatasetError naming answers without question and, unless allowed, questions without answer
 */
export function matchAnswers(
  benchmark: Benchmark,
  questions: readonly Question[],
  answers: readonly AnswerRow[],
  allowMissing: boolean,
): AnsweredQuestion[] {
  if (answers.every(({ id }) => id === null)) return matchByOrder(questions, answers);
  const byId = new Map(questions.map((question) => [question.id, question]));
  const problems: string[] = [];
  const matched = answers.flatMap(({ id, text, verdict, where }) => {
    const question =
      id === null ? undefined : (byId.get(id) ?? byId.get(benchmark.questionId?.(id) ?? id));
    if (question !== undefined) return [{ question, answer: text, verdict }];
    problems.push(`${where}: ${id === null ? "no id" : `id ${id} is not in the truth file`}`);
    return [];
  });
  if (problems.length > 0) throw new DatasetError(listed(problems));
  const mayMiss = allowMissing || benchmark.truthIsSuperset;
  if (!mayMiss && matched.length < questions.length) {
    const have = new Set(matched.map(({ question }) => question.id));
    const missing = questions.filter(({ id }) => !have.has(id));
    throw new DatasetError(
      `${missing.length} of ${questions.length} questions have no answer, first ${missing[0]?.id} ` +
        `(${missing[0]?.where}); allow this with --partial`,
    );
  }
  return matched;
}

function matchByOrder(
  questions: readonly Question[],
  answers: readonly AnswerRow[],
): AnsweredQuestion[] {
  if (answers.length !== questions.length) {
    throw new DatasetError(
      `answers without id are matched by order: received ${answers.length} answers for ` +
        `${questions.length} questions; expected as many`,
    );
  }
  return answers.flatMap(({ text, verdict }, index) => {
    const question = questions[index];
    return question === undefined ? [] : [{ question, answer: text, verdict }];
  });
}
