import {
  NO_WORDNET_NOUNS,
  OTHER_WORDNET_NOUNS,
  WORDNET_PLURALS,
  WORDNET_VERB_FORMS,
  WORDNET_VERBS,
} from "../words/wordnet-words.js";

/** The base form of a word; the word itself where there is none. */
export type Lemma = (word: string) => string;

/** What WordNet knows of a word class. */
interface WordClass {
  readonly words: ReadonlySet<string>;
  readonly irregular: ReadonlyMap<string, string>;
  /** Endings of forms, each with what stands there in the base form. */
  readonly endings: readonly (readonly [string, string])[];
}

const VERBS: WordClass = {
  words: wordSet(WORDNET_VERBS),
  irregular: wordPairs(WORDNET_VERB_FORMS),
  endings: endings("ed:e ed: ing:e ing:"),
};
const PLURALS = wordPairs(WORDNET_PLURALS);
const NOUN_ENDINGS = endings("s: ses:s ves:f xes:x zes:z ches:ch shes:sh men:man ies:y");

/** The verb of a participle or a past form, as far as it leads to a word of CHAIR: "seated" is "seat". */
export const verbLemma: Lemma = (word) => lemmaOf(word, VERBS);

/**
 * The lemma of a noun's form, as far as it leads to one of the words given: "umbrellas" is "umbrella",
 * "vases" is "vas", "men" stays "men".
 *
 * @param words those of CHAIR, and others, which count as nouns that WordNet has
 */
export function nounLemma(words: Iterable<string>): Lemma {
  const nouns = new Set([...words, ...wordSet(OTHER_WORDNET_NOUNS)]);
  for (const word of wordSet(NO_WORDNET_NOUNS)) nouns.delete(word);
  return (word) => lemmaOf(word, { words: nouns, irregular: PLURALS, endings: NOUN_ENDINGS });
}

/**
 * NLTK's WordNetLemmatizer: among the word and what is left when an ending is replaced, the shortest one
 * that WordNet has; of equal ones the first.
 *
 * @see https://github.com/nltk/nltk nltk/stem/wordnet.py, lemmatize; nltk/corpus/reader/wordnet.py, _morphy
 */
function lemmaOf(word: string, { words, irregular, endings }: WordClass): string {
  const base = irregular.get(word);
  const bases = base === undefined ? replaceEnding(word, endings) : [base];
  const known = [word, ...bases].filter((form) => words.has(form));
  return known.reduce((best, form) => (form.length < best.length ? form : best), known[0] ?? word);
}

function replaceEnding(word: string, endings: WordClass["endings"]): string[] {
  return endings.flatMap(([ending, by]) =>
    word.endsWith(ending) ? [word.slice(0, -ending.length) + by] : [],
  );
}

function wordSet(text: string): Set<string> {
  return new Set(text.trim().split(/\s+/));
}

function wordPairs(text: string): Map<string, string> {
  const pairs = text.trim().split(/,\s+/);
  return new Map(pairs.map((pair) => pair.split(" ") as [string, string]));
}

function endings(text: string): [string, string][] {
  return text.split(" ").map((pair) => pair.split(":") as [string, string]);
}
