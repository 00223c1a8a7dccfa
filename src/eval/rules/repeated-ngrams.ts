/** The n-grams of a text. */
export interface RepeatedNgrams {
  readonly ngrams: number;
  /** Those that stood in the text before. */
  readonly repeated: number;
}

/**
 * How many n-grams of a text are repetitions: all of them less the distinct ones. Words are runs of letters and
 * digits, in any case; n-grams run across sentences. Their share is
 *
 *     seq-rep-n = 1 - distinct n-grams / n-grams
 *
 * @see Welleck et al. 2020, arXiv 1908.04319, section 6
 */
export function repeatedNgrams(text: string, n: number): RepeatedNgrams {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  const ngrams = Math.max(0, words.length - n + 1);
  const distinct = new Set<string>();
  for (let start = 0; start < ngrams; start++) {
    distinct.add(words.slice(start, start + n).join(" "));
  }
  return { ngrams, repeated: ngrams - distinct.size };
}
