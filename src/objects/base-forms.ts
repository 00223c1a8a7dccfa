import { nltkTokens } from "./nltk-tokens.js";
import { patternSingular } from "./pattern-singular.js";

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

const MOST_REMEMBERED = 100_000;

/** A function of words that keeps its results: captions repeat their words. */
export function remembered<T>(of: (word: string) => T): (word: string) => T {
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
