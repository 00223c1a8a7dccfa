import type { JsonValue } from "../engine/json-value.js";
import type { Draft } from "../engine/method.js";
import type { ObjectChecker } from "./object-checker.js";
import type { DraftMention, DraftSentence, DraftText } from "./read-draft.js";

/** What became of an answer: the tokens that are left or, where they were decoded together, the draft; and what is told of it. */
export interface Outcome {
  readonly ids: readonly number[];
  readonly draft?: Draft;
  readonly facts: Readonly<Record<string, JsonValue>>;
}

/**
 * The draft without the sentences that name a doubtful object. Where that would leave nothing, the least doubtful sentence
 * stays.
 */
export function dropSentences(draft: DraftText, checker: ObjectChecker): Outcome {
  const { sentences, ids, text } = draft;
  const mentioned = (sentence: DraftSentence) => mentionsIn(draft, sentence);
  let kept = sentences.filter((one) => !mentioned(one).some((mention) => checker.doubts(mention)));
  const left = kept.length === 0;
  if (left) {
    const worst = (one: DraftSentence) =>
      Math.max(...mentioned(one).map(({ object }) => checker.margin(object)));
    kept = [...sentences].sort((a, b) => worst(a) - worst(b)).slice(0, 1);
  }
  const words = ({ start, end }: DraftSentence) => text.slice(start, end).trim();
  const dropped = sentences.filter((one) => !kept.includes(one)).map(words);
  return {
    ids: kept.flatMap(({ firstToken, endToken }) => ids.slice(firstToken, endToken)),
    facts: { dropped, left: left ? kept.map(words) : [] },
  };
}

/** The objects that a sentence names. */
export function mentionsIn(
  { mentions }: DraftText,
  { start, end }: DraftSentence,
): readonly DraftMention[] {
  return mentions.filter((mention) => mention.start >= start && mention.start < end);
}
