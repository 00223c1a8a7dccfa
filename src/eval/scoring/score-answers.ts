import type { Benchmark, Question, ScoredQuestion } from "../contract/benchmark.js";
import type { AnswerRow } from "../data/read-answers.js";
import { atOnce, type Turns } from "../data/turns.js";
import type { AnsweredQuestion, LeftOut } from "./answer-matcher.js";
import { requireRule } from "./benchmark-rules.js";
import { matchAnswers, matchFile } from "./match-answers.js";
import { type ScoreSums, ScoreTally } from "./score-tally.js";

/** What a benchmark makes of a set of answers. */
export interface BenchmarkScore extends ScoreSums {
  readonly rule: string;
  readonly scored: readonly ScoredQuestion[];
}

/** What a benchmark makes of one series of a file that was never held whole. */
export interface SeriesScore extends ScoreSums {
  readonly rule: string;
  readonly leftOut: LeftOut;
  /** Method and seed, where the file names them; null for a file with one series. */
  readonly series: string | null;
}

/** How answers are scored. */
export interface ScoringOptions {
  /** A rule of the benchmark; its first by default. */
  readonly rule?: string;
  /**
   * Leave out questions without answer and answers without question, and count them, instead of refusing; false by
   * default.
   */
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
): BenchmarkScore & { readonly leftOut: LeftOut } {
  const { answered, leftOut } = matchAnswers(benchmark, questions, answers, allowMissing);
  return { ...scoreMatched(benchmark, answered, rule), leftOut };
}

/** The same for answers already matched to their questions. */
export function scoreMatched(
  benchmark: Benchmark,
  answered: readonly AnsweredQuestion[],
  rule: string = benchmark.rules[0],
): BenchmarkScore {
  return atOnce(scoreInTurns(benchmark, answered, rule));
}

/** {@link scoreMatched}, with a rest after each answer. */
export function* scoreInTurns(
  benchmark: Benchmark,
  answered: readonly AnsweredQuestion[],
  rule: string,
): Turns<BenchmarkScore> {
  requireRule(benchmark, rule);
  const tally = new ScoreTally(benchmark, rule);
  const scored: ScoredQuestion[] = [];
  for (const one of answered) {
    scored.push(scoreOne(one, rule));
    tally.add(scored.at(-1)!);
    yield;
  }
  return { rule, ...tally.sums(), scored };
}

/**
 * Scores the answers of a file or folder as they are read, each series for itself, so that a file of any length
 * needs the memory of its questions. Rules that need a judge take the verdicts of the file.
 *
 * @param path JSONL, tab-separated, Parquet or CSV, also packed by gzip; one JSON array is read whole
 * @throws DatasetError naming file and line of all that is wrong, questions without answer last
 * @throws InvalidArgumentError for an unknown rule
 */
export async function scoreFile(
  benchmark: Benchmark,
  questions: readonly Question[],
  path: string,
  { rule = benchmark.rules[0], allowMissing = false }: ScoringOptions = {},
): Promise<SeriesScore[]> {
  requireRule(benchmark, rule);
  const tallies = new Map<string | null, ScoreTally>();
  const take = (answered: AnsweredQuestion, series: string | null) => {
    let tally = tallies.get(series);
    if (tally === undefined) {
      tally = new ScoreTally(benchmark, rule, questions);
      tallies.set(series, tally);
    }
    tally.add(scoreOne(answered, rule));
  };
  const leftOut = await matchFile(benchmark, questions, path, allowMissing, take);
  return [...leftOut].map(([series, left]) => {
    const tally = tallies.get(series) ?? new ScoreTally(benchmark, rule);
    return { series, rule, ...tally.sums(), leftOut: left };
  });
}

function scoreOne({ question, answer, verdict }: AnsweredQuestion, rule: string): ScoredQuestion {
  return { question, answer, score: question.score(answer, { rule, verdict }) };
}
