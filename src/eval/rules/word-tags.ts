import { createRequire } from "node:module";
import type { ItemToken, ItsFunction, Model, WinkMethods } from "wink-nlp";

const require = createRequire(import.meta.url);
let tagger: WinkMethods | undefined;

/** A word as the tagger sees it. */
export interface TaggedWord {
  readonly word: string;
  readonly lemma: string;
  /** A tag of Universal Dependencies, for example NOUN. */
  readonly tag: string;
}

/** The words of a text with their word classes, by wink-nlp. */
export function tagWords(text: string): TaggedWord[] {
  tagger ??= loadTagger();
  const { its } = tagger;
  // The library's types for these ask for arguments that the library itself passes.
  const lemma = its.lemma as unknown as ItsFunction<string>;
  const pos = its.pos as unknown as ItsFunction<string>;
  const words: TaggedWord[] = [];
  tagger
    .readDoc(text)
    .tokens()
    .each((token: ItemToken) => {
      words.push({ word: token.out(), lemma: token.out(lemma), tag: token.out(pos) });
    });
  return words;
}

/** Loaded at the first call, since the language model takes longer to load than most commands to run. */
function loadTagger(): WinkMethods {
  const winkNLP = require("wink-nlp") as (model: Model, pipe: string[]) => WinkMethods;
  return winkNLP(require("wink-eng-lite-web-model") as Model, ["sbd", "pos"]);
}
