import model from "wink-eng-lite-web-model";
import winkNLP, { type ItemToken, type ItsFunction, type WinkMethods } from "wink-nlp";

let tagger: WinkMethods | undefined;

/**
 * The nouns of a text in order, repeats included, each as its lemma.
 *
 * Deviation from the authors' code: wink-nlp's tagger and lemmas in the place of NLTK's.
 *
 * @see https://github.com/junyangwang0410/AMBER inference.py, extract_nouns
 */
export function nounsOf(text: string): string[] {
  // Loaded at the first call: reading the language model takes a third of a second.
  tagger ??= winkNLP(model, ["sbd", "pos"]);
  const { its } = tagger;
  // The library's type for its.lemma asks for arguments that the library itself passes.
  const lemma = its.lemma as unknown as ItsFunction<string>;
  const nouns: string[] = [];
  tagger
    .readDoc(text)
    .tokens()
    .each((token: ItemToken) => {
      const tag = token.out(its.pos) as unknown as string;
      if (tag === "NOUN" || tag === "PROPN") nouns.push(token.out(lemma));
    });
  return nouns;
}
