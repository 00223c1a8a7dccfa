import type { LocatedMention } from "../../eval/index.js";

/** What a caption says of an object: "a vase that is orange". */
export interface NounPhrase {
  readonly object: string;
  readonly text: string;
  /** Offsets of UTF-16 units, the end exclusive. */
  readonly start: number;
  readonly end: number;
}

const BOUNDARY = /[,.;:!?]|\band\b|\bwith\b/g;
const DETERMINER =
  /\b(?:an?|the|some|two|three|four|five|six|seven|eight|nine|ten|several|many|\d+)\s/gi;

/**
 * The noun phrases of a caption that lists things: from the determiner before an object to the next comma, stop, "and" or
 * "with". Objects without determiner, and those that share a piece with another one ("a man on a horse"), have none.
 *
 * @param mentions the caption's objects, in order
 */
export function nounPhrases(
  caption: string,
  mentions: readonly LocatedMention[],
): readonly NounPhrase[] {
  const cuts = [...caption.matchAll(BOUNDARY)].map((found) => ({
    start: found.index,
    end: found.index + found[0].length,
  }));
  return mentions.flatMap((mention, i) => {
    const from = Math.max(0, ...cuts.filter(({ end }) => end <= mention.start).map((c) => c.end));
    const to = cuts.find(({ start }) => start >= mention.end)?.start ?? caption.length;
    const shared = mentions.some((other, k) => k !== i && other.start < to && other.end > from);
    const determiner = [...caption.slice(from, mention.start).matchAll(DETERMINER)].at(-1);
    if (shared || determiner === undefined) return [];
    const start = from + determiner.index;
    const text = caption.slice(start, to).trimEnd();
    return [{ object: mention.object, text, start, end: start + text.length }];
  });
}
