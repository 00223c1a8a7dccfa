import { createRequire } from "node:module";
import type { ItemToken, ItsFunction, Model, WinkMethods } from "wink-nlp";

const require = createRequire(import.meta.url);
let tagger: WinkMethods | undefined;

/**
 * The nouns of a text in order, repeats included, each as its lemma.
 *
 * Deviation from the authors' code: wink-nlp's tagger and lemmas in the place of NLTK's.
 *
 * @see https://github.com/junyangwang0410/AMBER inference.py, extract_nouns
 */
export function nounsOf(text: string): string[] {
  tagger ??= loadTagger();
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

/** Loaded at the first call, since the language model takes longer to load than most commands to run. */
function loadTagger(): WinkMethods {
  const winkNLP = require("wink-nlp") as (model: Model, pipe: string[]) => WinkMethods;
  return winkNLP(require("wink-eng-lite-web-model") as Model, ["sbd", "pos"]);
}
