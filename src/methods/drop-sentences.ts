import type { JsonValue } from "../engine/json-value.js";
import type { Draft } from "../engine/method.js";
import { certainSentences } from "../objects/sentences.js";
import type { ObjectChecker } from "./object-checker.js";
import type { DraftSentence, DraftText } from "./read-draft.js";

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
export function dropSentences(
  { sentences, mentions, ids, text }: DraftText,
  checker: ObjectChecker,
): Outcome {
  const margin = ({ object }: { readonly object: string }) => checker.margin(object);
  const { kept, isLeft } = certainSentences(sentences, mentions, margin, checker.threshold);
  const words = ({ start, end }: DraftSentence) => text.slice(start, end).trim();
  const dropped = sentences.filter((one) => !kept.includes(one)).map(words);
  return {
    ids: kept.flatMap(({ firstToken, endToken }) => ids.slice(firstToken, endToken)),
    facts: { dropped, left: isLeft ? kept.map(words) : [] },
  };
}
