import type { Benchmark, Cell, Counts, ScoredQuestion } from "../contract/benchmark.js";
import { CUT_LENGTHS, cutCounts } from "../metrics/cut-metrics.js";
import { firstWords, wordCount } from "../rules/first-words.js";
import { repeatedNgrams } from "../rules/repeated-ngrams.js";

const CELLS: readonly Cell[] = ["tp", "fp", "tn", "fn"];

/** The cell of a yes/no answer; null when it was not read as yes or no. */
export function cellOfScore({ counts }: ScoredQuestion["score"]): Cell | null {
  return CELLS.find((cell) => counts[cell] === 1) ?? null;
}

/** Counts of what one answer is like, for `behaviourMetrics`. */
export function behaviourCounts(
  benchmark: Benchmark,
  rule: string,
  scored: ScoredQuestion,
): Counts {
  if (benchmark.kind === "yes-no") {
    const cell = cellOfScore(scored.score);
    return cell === null ? {} : { [cell]: 1 };
  }
  return { ...textCounts(scored.answer), ...countsOfCuts(benchmark, rule, scored) };
}

function textCounts(answer: string): Counts {
  const { ngrams, repeated } = repeatedNgrams(answer, 4);
  return {
    answers: 1,
    words: wordCount(answer),
    "4grams": ngrams,
    repeated4grams: repeated,
    repeatingAnswers: repeated > 0 ? 1 : 0,
  };
}

/** A caption's counts, had it ended after its first words. */
function countsOfCuts(
  { tradeOff }: Benchmark,
  rule: string,
  { question, answer, score }: ScoredQuestion,
): Counts {
  if (tradeOff === undefined) return {};
  const all = CUT_LENGTHS.map((words) => {
    const cut = firstWords(answer, words);
    const { counts } = cut === answer ? score : question.score(cut, { rule, verdict: null });
    return cutCounts(words, counts);
  });
  return Object.assign({}, ...all) as Counts;
}
