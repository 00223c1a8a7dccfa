/** What is parted from its neighbours, in the order of NLTK. */
const PARTED: readonly (readonly [RegExp, string])[] = [
  [/[«“‘„»”’"]|`+|''/g, " $& "],
  [/[;@#$%&?!*()[\]{}<>\u2012-\u2015]|\.{2,}|--/g, " $& "],
  [/[:,](?!\d)/g, " $& "],
  [/(?<!\.)\.(?=[\])}>"'”’»]*(?:\s|$))/g, " . "],
  [/(?<!\w)'(?!(?:re|ve|ll|m|t|s|d|n)\b)(?=\w)/g, "' "],
  [/(?<=[^'\s])(?:'(?:s|m|d|ll|re|ve)?|n't)(?=\s|$)/g, " $&"],
];

/**
 * The tokens of a text in lower case, as NLTK's `word_tokenize` has them: "woman's" is "woman" and "'s",
 * "dog’s" is "dog", "’" and "s", while "sofa/couch" and "semi-truck" stay whole.
 *
 * Deviations: a full stop before white space always ends a sentence (NLTK's Punkt knows abbreviations), and
 * "cannot" and its like stay whole. Neither makes or breaks a word that CHAIR knows.
 *
 * @see https://github.com/nltk/nltk nltk/tokenize/destructive.py, NLTKWordTokenizer (Apache-2.0)
 */
export function nltkTokens(text: string): string[] {
  const parted = PARTED.reduce(
    (whole, [pattern, by]) => whole.replaceAll(pattern, by),
    text.toLowerCase(),
  );
  return parted.match(/\S+/g) ?? [];
}
