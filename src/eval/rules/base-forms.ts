import { nltkTokens } from "./nltk-tokens.js";
import { patternSingular } from "./pattern-singular.js";
import { tagWords } from "./word-tags.js";
import { nounLemma, verbLemma } from "./wordnet-lemmas.js";

/** The words of a text in their base forms, in order, punctuation included. */
export type BaseForms = (text: string) => string[];

/** Makes a {@link BaseForms} for the words that matter. */
export type MakeBaseForms = (words: ReadonlySet<string>) => BaseForms;

/** As CHAIR's script of 2018: singular forms by `pattern`, which has "bu" for "bus" and "ty" for "ties". */
export const patternForms: MakeBaseForms = () => {
  const singular = remembered(patternSingular);
  return (text) => nltkTokens(text).map(singular);
};

/** The same without these mistakes: a word that matters stays as it is, and its plural leads to it. */
export const mendedForms: MakeBaseForms = (words) => {
  const singular = remembered((word) => {
    const forms = [word, patternSingular(word), word.replace(/s$/, "")];
    return forms.find((form) => words.has(form)) ?? word;
  });
  return (text) => nltkTokens(text).map(singular);
};

/**
 * As the lemmatising script: NLTK's tagger and WordNet. "skiing" is "ski", "is seated" a "seat", "vases" are
 * "vas".
 *
 * Deviation from that script: in the place of its tagger, forms in -ed and -ing are verbs, but one in -ing is
 * a noun behind a determiner, an adjective or a possessive ("a seating area"); all other words are nouns.
 */
export const wordnetForms: MakeBaseForms = (words) => {
  const noun = remembered(nounLemma(words));
  const verb = remembered((word) => {
    const lemma = verbLemma(word);
    return words.has(lemma) && !words.has(word) ? lemma : null;
  });
  return (text) => {
    const tokens = nltkTokens(text);
    let tags: string[] | undefined;
    const isNoun = (i: number): boolean => {
      tags ??= tagsOf(tokens);
      const [before = "", tag = ""] = [tokens[i - 1], tags[i - 1]];
      return tag === "DET" || tag === "ADJ" || POSSESSIVES.has(before);
    };
    return tokens.map((token, i) => {
      const lemma = verb(token);
      return lemma === null || (token.endsWith("ing") && isNoun(i)) ? noun(token) : lemma;
    });
  };
};

const POSSESSIVES: ReadonlySet<string> = new Set("'s his her its my our their your".split(" "));

/** The tag of each token: that of the tagger's word in which it begins. */
function tagsOf(tokens: readonly string[]): string[] {
  const tags = tagWords(tokens.join(" ")).flatMap(({ word, tag }) =>
    Array.from(word.replaceAll(/\s/g, ""), () => tag),
  );
  let at = 0;
  return tokens.map((token) => {
    const tag = tags[at] ?? "";
    at += Array.from(token).length;
    return tag;
  });
}

const MOST_REMEMBERED = 100_000;

/** A function of words that keeps its results: captions repeat their words. */
function remembered<T>(of: (word: string) => T): (word: string) => T {
  const results = new Map<string, T>();
  return (word) => {
    let result = results.get(word);
    if (result === undefined) {
      result = of(word);
      if (results.size >= MOST_REMEMBERED) results.clear();
      results.set(word, result);
    }
    return result;
  };
}
