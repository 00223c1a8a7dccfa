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

/**
 * Where tokens of {@link nltkTokens} stand in their text: offsets of UTF-16 units, the end exclusive.
 *
 * @param tokens all tokens of the text, in order
 */
export function tokenOffsets(text: string, tokens: readonly string[]): [number, number][] {
  // A letter in lower case may be longer than in upper case.
  const from: number[] = [];
  let read = 0;
  for (const letter of text) {
    for (let i = 0; i < letter.toLowerCase().length; i++) from.push(read);
    read += letter.length;
  }
  const lower = text.toLowerCase();
  let at = 0;
  return tokens.map((token) => {
    const start = lower.indexOf(token, at);
    at = start + token.length;
    return [from[start]!, from[at] ?? text.length];
  });
}
