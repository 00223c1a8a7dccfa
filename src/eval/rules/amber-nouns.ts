import { tagWords } from "./word-tags.js";

/**
 * The nouns of a text in order, repeats included, each as its lemma.
 *
 * Deviation from the authors' code: wink-nlp's tagger and lemmas in the place of NLTK's.
 *
 * @see https://github.com/junyangwang0410/AMBER inference.py, extract_nouns
 */
export function nounsOf(text: string): string[] {
  const nouns = tagWords(text).filter(({ tag }) => tag === "NOUN" || tag === "PROPN");
  return nouns.map(({ lemma }) => lemma);
}
