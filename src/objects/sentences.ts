/** A part of a text: offsets of UTF-16 units, the end exclusive. */
export interface TextPart {
  readonly start: number;
  readonly end: number;
}

/** The end of a sentence, with quotes and brackets behind it, or of a line; the number of a list's item ends none. */
const SENTENCE_END =
  /(?:(?<!^[^\S\n]*\d+)[.!?]+["'”’)\]]*(?=\s|$)|(?=[^\S\n]*\n))(?:[^\S\n]*\n)*/gm;

/** The sentences of a text, and the lines without a full stop, one behind the other: together they are the text. */
export function sentencesOf(text: string): TextPart[] {
  const ends = [...text.matchAll(SENTENCE_END)].map(({ 0: mark, index }) => index + mark.length);
  if (ends.at(-1) !== text.length) ends.push(text.length);
  return ends.map((end, i) => ({ start: ends[i - 1] ?? 0, end }));
}

/** Those of some mentions that begin in a part. */
export function mentionsIn<M extends Pick<TextPart, "start">>(
  mentions: readonly M[],
  { start, end }: TextPart,
): M[] {
  return mentions.filter((mention) => mention.start >= start && mention.start < end);
}

/** Where a phrase is joined to what stands before it. */
const JOINT = /\s*(?:[,;:](?:\s*(?:and|with|or)\b)?|\b(?:and|with|or)\b)/g;

/** Where a sentence can be ended in front of a phrase: behind what it names before, and in front of what joins them. */
export function endBefore(text: string, previous: TextPart, phrase: TextPart): number {
  const joints = [...text.slice(previous.end, phrase.start).matchAll(JOINT)];
  return previous.end + (joints.at(-1)?.index ?? 0);
}

/** Sentences that stay. */
export interface CertainSentences<S> {
  readonly kept: readonly S[];
  /** Whether all were doubtful, and the least doubtful one stays nevertheless. */
  readonly isLeft: boolean;
}

/**
 * The sentences that name nothing doubtful; where that would leave none, the least doubtful one.
 *
 * @param doubt how doubtful a mention is
 * @param threshold above which it is
 */
export function certainSentences<S extends TextPart, M extends Pick<TextPart, "start">>(
  sentences: readonly S[],
  mentions: readonly M[],
  doubt: (mention: M) => number,
  threshold: number,
): CertainSentences<S> {
  const doubts = sentences.map((one) => Math.max(...mentionsIn(mentions, one).map(doubt)));
  const kept = sentences.filter((_, i) => !(doubts[i]! > threshold));
  if (kept.length > 0) return { kept, isLeft: false };
  return { kept: [sentences[doubts.indexOf(Math.min(...doubts))]!], isLeft: true };
}
