import type { PhraseKind } from "../contract/explanation.js";

/** What a phrase says: that something is there, what it is like, or how things stand or act together. */
export type CheckedKind = PhraseKind | "attribute";

/** A phrase of an answer, held against the truth. Offsets are of UTF-16 units, the end exclusive. */
export interface CheckedPhrase {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly kind: CheckedKind;
  /** The canonical name of the object that it is about; null where nobody said. */
  readonly object: string | null;
  /** Whether the image bears it out; null where the truth does not say. */
  readonly isTrue: boolean | null;
}

/** A phrase that somebody names, a judge or a file. */
export interface NamedPhrase {
  readonly text: string;
  readonly kind: CheckedKind;
  /** False by default: named phrases are hallucinated ones. */
  readonly isTrue?: boolean;
}

/** Phrases with their places, and those that the answer does not hold. */
export interface PlacedPhrases {
  readonly phrases: readonly CheckedPhrase[];
  readonly lost: readonly string[];
}

/**
 * Finds where named phrases stand in an answer: as whole words, in any case. Of a phrase that is named several times,
 * each finds its own place, from the left.
 */
export function placePhrases(answer: string, named: readonly NamedPhrase[]): PlacedPhrases {
  const after = new Map<string, number>();
  const phrases: CheckedPhrase[] = [];
  const lost: string[] = [];
  for (const { text, kind, isTrue = false } of named) {
    const key = text.trim().toLowerCase();
    const escaped = key.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll(/\s+/g, "\\s+");
    const pattern = new RegExp(`(?<![\\p{L}\\p{N}])${escaped}(?![\\p{L}\\p{N}])`, "giu");
    pattern.lastIndex = after.get(key) ?? 0;
    const found = key === "" ? null : pattern.exec(answer);
    if (found === null) {
      lost.push(text);
      continue;
    }
    const end = found.index + found[0].length;
    after.set(key, end);
    phrases.push({ text: found[0], start: found.index, end, kind, object: null, isTrue });
  }
  return { phrases: phrases.sort((a, b) => a.start - b.start), lost };
}
