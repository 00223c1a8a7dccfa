import { Detokenizer } from "../engine/detokenizer.js";
import type { Draft, MethodRun } from "../engine/method.js";
import { COLOUR_AWARE, type LocatedMention, locateObjects } from "../objects/locate-objects.js";
import { checkObjectNames } from "../objects/object-names.js";
import { sentencesOf } from "../objects/sentences.js";
import { placesOf } from "../objects/token-places.js";

/** An object that a draft names, and the token with which its name begins. */
export interface DraftMention extends Omit<LocatedMention, "tokens"> {
  readonly token: number;
}

/** A part of a draft: offsets of UTF-16 units in its text, and tokens; both ends exclusive. */
export interface DraftSentence {
  readonly start: number;
  readonly end: number;
  readonly firstToken: number;
  readonly endToken: number;
}

/** A draft's tokens with what they say. */
export interface DraftText {
  readonly ids: readonly number[];
  readonly text: string;
  /** Where each token stands in the text. */
  readonly places: readonly { readonly start: number; readonly end: number }[];
  readonly mentions: readonly DraftMention[];
  readonly sentences: readonly DraftSentence[];
}

/**
 * Reads drafts: the objects that they name, by CHAIR's words with plurals and colours mended, and their sentences.
 *
 * @param names objects that count besides CHAIR's 80, separated by commas
 */
export function draftReader(
  { decode }: Pick<MethodRun["model"], "decode">,
  names: string | null,
): (ids: readonly number[]) => DraftText {
  const find = locateObjects(COLOUR_AWARE, objectNames(names));
  return (ids) => {
    const detokenizer = new Detokenizer(decode);
    const pieces = ids.map((id) => detokenizer.push(id));
    if (pieces.length > 0) pieces[pieces.length - 1] += detokenizer.end();
    const text = pieces.join("").trim();
    const places = placesOf(pieces);
    const tokenAt = (offset: number) => places.findIndex(({ end }) => end > offset);
    const mentions = find(text).map(({ tokens: _, ...mention }) => ({
      ...mention,
      token: tokenAt(mention.start),
    }));
    return { ids, text, places, mentions, sentences: draftSentences(text, tokenAt, ids.length) };
  };
}

function draftSentences(
  text: string,
  tokenAt: (offset: number) => number,
  count: number,
): DraftSentence[] {
  const tokenFrom = (offset: number) =>
    offset === 0 ? 0 : offset === text.length ? count : tokenAt(offset);
  return sentencesOf(text).map(({ start, end }) => ({
    start,
    end,
    firstToken: tokenFrom(start),
    endToken: tokenFrom(end),
  }));
}

/** Reads a draft as far as the answer shows it: up to a stop text. */
export function readShown(
  read: (ids: readonly number[]) => DraftText,
  { tokens, text, finishReason }: Draft,
): DraftText {
  const whole = read(tokens.map(({ id }) => id));
  if (finishReason !== "stop") return whole;
  return read(whole.ids.filter((_, i) => whole.places[i]!.start < text.length));
}

/** The names in a setting such as "lamp, night stand". @throws InvalidArgumentError as {@link checkObjectNames} */
export function objectNames(setting: string | null): string[] {
  return checkObjectNames((setting ?? "").split(","));
}
