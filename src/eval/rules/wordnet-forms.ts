import { type MakeBaseForms, remembered } from "../../objects/base-forms.js";
import { nltkTokens } from "../../objects/nltk-tokens.js";
import { tagWords } from "./word-tags.js";
import { nounLemma, verbLemma } from "./wordnet-lemmas.js";

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
