import { Detokenizer } from "../engine/detokenizer.js";
import type { Draft, MethodRun } from "../engine/method.js";
import { InvalidArgumentError } from "../errors.js";
import { COLOUR_AWARE, type LocatedMention, locateObjects } from "../objects/locate-objects.js";
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

/** The end of a sentence, with quotes and brackets behind it. */
const SENTENCE_END = /[.!?]+["'”’)\]]*(?=\s|$)/g;

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
    return { ids, text, places, mentions, sentences: sentencesOf(text, tokenAt, ids.length) };
  };
}

function sentencesOf(
  text: string,
  tokenAt: (offset: number) => number,
  count: number,
): DraftSentence[] {
  const ends = [...text.matchAll(SENTENCE_END)].map(({ 0: mark, index }) => index + mark.length);
  if (ends.at(-1) !== text.length) ends.push(text.length);
  const first = (end: number | undefined) =>
    end === undefined ? 0 : end === text.length ? count : tokenAt(end);
  return ends.map((end, i) => ({
    start: ends[i - 1] ?? 0,
    end,
    firstToken: first(ends[i - 1]),
    endToken: first(end),
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

/**
 * The names in a setting such as "lamp, night stand".
 *
 * @throws InvalidArgumentError for one of more than two words, which would never be found
 */
export function objectNames(setting: string | null): string[] {
  const names = (setting ?? "").split(",").map((name) => name.trim());
  const long = names.find((name) => name.split(/\s+/).length > 2);
  if (long === undefined) return names.filter((name) => name !== "");
  throw new InvalidArgumentError(
    `objects: received '${long}'; expected names of one word or two, as texts are read for`,
  );
}
