import { type CaptionRule, objectFinder } from "../../eval/index.js";
import { InvalidArgumentError } from "../../index.js";

/** A phrase of a text: offsets of UTF-16 units, the end exclusive. */
export interface FoundPhrase {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** What is asked about: an object's canonical name, or a given phrase as it is. */
  readonly object: string;
}

/** Which phrases are looked for. */
export interface PhraseOptions {
  /** Phrases of one's own, wherever they stand as whole words. Default: the objects that CHAIR's rule finds. */
  readonly phrases?: readonly string[];
  /** How objects are found. Default "colour-aware". */
  readonly rule?: CaptionRule;
  /** Objects that count besides CHAIR's 80. */
  readonly names?: readonly string[];
}

/** Finds the phrases that are to be assessed, in order. */
export type PhraseFinder = (text: string) => FoundPhrase[];

/** @throws InvalidArgumentError for phrases that are none */
export function phraseFinder({
  phrases,
  rule = "colour-aware",
  names = [],
}: PhraseOptions): PhraseFinder {
  if (phrases === undefined) {
    const finder = objectFinder({ rule, names });
    return (text) =>
      finder
        .find(text)
        .map(({ object, start, end }) => ({ object, start, end, text: text.slice(start, end) }));
  }
  if (phrases.length === 0) return () => [];
  const expression = new RegExp(
    `(?<![\\p{L}\\p{N}])(?:${alternatives(phrases)})(?![\\p{L}\\p{N}])`,
    "giu",
  );
  return (text) =>
    [...text.matchAll(expression)].map(({ 0: found, index }) => ({
      object: found,
      start: index,
      end: index + found.length,
      text: found,
    }));
}

/** Longer phrases first, so that "hot dog" is not found as "dog". */
function alternatives(phrases: readonly string[]): string {
  const wrong = phrases.find((phrase) => typeof phrase !== "string" || phrase.trim() === "");
  if (wrong !== undefined) {
    throw new InvalidArgumentError(
      `phrases: received ${JSON.stringify(wrong)}; expected words of the text`,
    );
  }
  return [...phrases]
    .sort((a, b) => b.length - a.length)
    .map((phrase) => phrase.trim().replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"))
    .join("|");
}
