import { InvalidArgumentError } from "../../errors.js";
import type { Cause, TokenEvidence } from "../contract/explanation.js";
import type { CheckedPhrase } from "./checked-phrase.js";
import { STOP_WORDS } from "./stop-words.js";

/** Options of {@link causeOf}. */
export interface CauseOptions {
  /**
   * Up to which base rank a word is the language's own: 0 as the paper has it (the base LLM says the same), the default, or
   * 1 as the authors' script has it.
   */
  readonly threshold?: 0 | 1;
  /** Words in lower case that name what can be seen; all but function words by default. */
  readonly visual?: ReadonlySet<string>;
}

/** A word of a phrase that names something visible. */
export interface PhraseWord {
  readonly text: string;
  /** Base rank of its first token, from 0; null where there is no base LLM. */
  readonly rank: number | null;
}

/** Why a phrase was hallucinated. */
export interface CauseFinding {
  /** Null where it cannot be told; `reason` says why. */
  readonly cause: Cause | null;
  readonly words: readonly PhraseWord[];
  /** The text of the tuning samples that holds the words; null where none does, or nobody looked. */
  readonly seenIn: string | null;
  readonly reason: string;
}

/**
 * Why a phrase was hallucinated, by VDGD's algorithm. Of its words that name something visible, by the base rank eta of
 * their first tokens:
 *
 *   language             some word has eta <= threshold: the base LLM would have said it without the image
 *   instruction-tuning   else all of them occur in one text among the tuning samples of the most similar images
 *   style                else a relation or an action
 *   vision               else
 *
 * Deviations from the authors' script, which counts a phrase under language and under another cause when its words differ,
 * and matches parts of words: here a phrase has one cause, the first of these, and words are whole and in any case.
 *
 * @param phrase its place in the answer, and its kind
 * @param answer the text that `tokens` make up
 * @param similar texts of the tuning samples S_R of the most similar images; null where there is no index
 * @throws InvalidArgumentError for another threshold
 * @see Ghosh et al. 2025, arXiv 2405.15683, section 4 and its algorithm of causes
 */
export function causeOf(
  phrase: Pick<CheckedPhrase, "start" | "end" | "kind">,
  answer: string,
  tokens: readonly TokenEvidence[],
  similar: readonly string[] | null,
  { threshold = 0, visual }: CauseOptions = {},
): CauseFinding {
  if (threshold !== 0 && threshold !== 1) {
    throw new InvalidArgumentError(`threshold: received ${threshold}; expected 0 or 1`);
  }
  const isVisual = (word: string) => visual?.has(word) ?? !STOP_WORDS.has(word);
  const words = wordsOf(phrase, answer, tokens).filter(({ text }) => isVisual(text.toLowerCase()));
  const found = (cause: Cause | null, reason: string, seenIn: string | null = null) => ({
    cause,
    words,
    seenIn,
    reason,
  });
  if (words.length === 0) return found(null, "no word of it names something visible");
  if (words.some(({ rank }) => rank === null)) return found(null, "there is no base LLM");
  const own = words.find(({ rank }) => rank! <= threshold);
  if (own !== undefined) {
    return found("language", `the base LLM ranks "${own.text}" ${own.rank} without the image`);
  }
  if (similar === null) return found(null, "there is no index of tuning samples");
  const seenIn = textWith(
    words.map(({ text }) => text),
    similar,
  );
  if (seenIn !== null)
    return found("instruction-tuning", "similar images were tuned on with it", seenIn);
  const relates = phrase.kind === "relation" || phrase.kind === "relation-action";
  return relates
    ? found("style", "a relation that neither language nor similar samples suggest")
    : found("vision", "neither language nor similar samples suggest it");
}

/** The words of a phrase, each with the base rank of the token in which it begins. */
function wordsOf(
  { start, end }: Pick<CheckedPhrase, "start" | "end">,
  answer: string,
  tokens: readonly TokenEvidence[],
): PhraseWord[] {
  return [...answer.slice(start, end).matchAll(/[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*/gu)].map(
    (found) => {
      const at = start + found.index;
      const token = tokens.find((one) => one.start <= at && at < one.end);
      return { text: found[0], rank: token?.base?.rank ?? null };
    },
  );
}

/** The first text that holds all words, whole and in any case. */
export function textWith(words: readonly string[], texts: readonly string[]): string | null {
  const patterns = words.map(
    (word) =>
      new RegExp(
        `(?<![\\p{L}\\p{N}])${word.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?![\\p{L}\\p{N}])`,
        "iu",
      ),
  );
  return texts.find((text) => patterns.every((pattern) => pattern.test(text))) ?? null;
}
