import { AMBER_ASSOCIATIONS, AMBER_SAFE_WORDS, AMBER_SIMILAR_WORDS } from "../words/amber-words.js";

/** What AMBER finds in one caption. */
export interface AmberCaption {
  /** Nouns that are scored, in order. */
  readonly nouns: readonly string[];
  /** Those of them that nothing in the image accounts for. */
  readonly hallucinated: readonly string[];
  /** Number of annotated objects that the caption names. */
  readonly covered: number;
  /** Number of annotated likely hallucinations that it names. */
  readonly cognitive: number;
}

/** True when two words count as the same thing. */
export type SameThing = (a: string, b: string) => boolean;

const ASSOCIATIONS: ReadonlyMap<string, readonly string[]> = new Map(
  AMBER_ASSOCIATIONS.split(";").map((entry) => {
    const [word = "", rest = ""] = entry.split(":");
    return [word.trim(), rest.split(",").flatMap((other) => other.trim() || [])];
  }),
);

const SCORED_WORDS: ReadonlySet<string> = new Set(
  [...ASSOCIATIONS].flatMap(([word, others]) => [word, ...others]),
);

const SAFE_WORDS: ReadonlySet<string> = new Set(AMBER_SAFE_WORDS);

const SIMILAR_PAIRS: ReadonlySet<string> = new Set(
  AMBER_SIMILAR_WORDS.trim()
    .split("\n")
    .flatMap((line) => {
      const [a, b] = line.split(" ");
      return [`${a} ${b}`, `${b} ${a}`];
    }),
);

/** Equal, or similar by the word vectors that stand in for the authors' spaCy model. */
export const similarWords: SameThing = (a, b) => a === b || SIMILAR_PAIRS.has(`${a} ${b}`);

/** Equal; no word vectors. */
export const equalWords: SameThing = (a, b) => a === b;

/** A word that stands for annotation number `index`. */
interface Candidate {
  readonly word: string;
  readonly index: number;
}

/**
 * AMBER's matching of a caption's nouns with an image's annotation, in the order of the authors' code:
 * safe words are passed over; a noun among the true words or their associations covers that object; a
 * noun among the likely hallucinations counts as one (Cog); what is similar to a true word is no
 * hallucination, the rest is.
 *
 * @param nouns lemmas in the caption's order
 * @param truth objects in the image
 * @param likely objects that people or models wrongly expect in it
 * @see https://github.com/junyangwang0410/AMBER inference.py
 */
export function matchAmberCaption(
  nouns: readonly string[],
  truth: readonly string[],
  likely: readonly string[],
  same: SameThing,
): AmberCaption {
  const scored = nouns.filter((noun) => SCORED_WORDS.has(noun));
  const trueWords = candidates(truth);
  const likelyWords = candidates(likely);
  const covered = new Set<number>();
  const cognitive = new Set<number>();
  const hallucinated: string[] = [];
  for (const noun of scored) {
    if (SAFE_WORDS.has(noun)) continue;
    const exact = trueWords.find(({ word }) => word === noun);
    if (exact !== undefined) {
      covered.add(exact.index);
      continue;
    }
    const named = likelyWords.find(({ word }) => word === noun);
    if (named !== undefined) cognitive.add(named.index);
    const alike = likelyWords.find(({ word }) => same(noun, word));
    if (alike !== undefined) cognitive.add(alike.index);
    const excused = trueWords.find(({ word }) => same(noun, word));
    if (excused !== undefined) covered.add(excused.index);
    else hallucinated.push(noun);
  }
  return { nouns: scored, hallucinated, covered: covered.size, cognitive: cognitive.size };
}

/** Associations of all words first, then the words themselves, as the authors search them. */
function candidates(words: readonly string[]): Candidate[] {
  const associated = words.flatMap((word, index) =>
    (ASSOCIATIONS.get(word) ?? []).map((other) => ({ word: other, index })),
  );
  return [...associated, ...words.map((word, index) => ({ word, index }))];
}
