/** Self-verification of a text by whatever can be asked about its images: no local model is needed. */
import pLimit from "p-limit";
import { checkNames } from "../arguments/check-names.js";
import { integerIn, numberIn } from "../arguments/numbers.js";
import { InvalidArgumentError } from "../errors.js";
import { questionAbout, WORDING } from "./ask-about.js";
import { COLOUR_AWARE, type LocatedMention, locateObjects } from "./locate-objects.js";
import { checkObjectNames } from "./object-names.js";
import {
  certainSentences,
  endBefore,
  mentionsIn,
  sentencesOf,
  type TextPart,
} from "./sentences.js";
import { firstWordRule, type LikelyFirst, noAhead } from "./yes-no-answer.js";

/** What was answered to a question about an object. */
export interface ObjectAnswer {
  readonly text: string;
  /** What its first token might have been, where that is told: the more tokens, the better. */
  readonly likeliest?: readonly LikelyFirst[] | undefined;
}

/** Asks about the images that a text is about. */
export type AskAboutObject = (question: string) => Promise<ObjectAnswer>;

/** How the objects of a text are asked about. */
export interface VerifyTextOptions {
  /** How an object is asked about, with `{object}` in its place. Default that of peer-scitix's evaluation. */
  readonly wording?: string;
  /** Objects that count besides CHAIR's 80, of one word or two. Default none. */
  readonly objects?: readonly string[];
  /** An object is doubtful where ln p(no) - ln p(yes) is above this, in nats. Default 0. */
  readonly threshold?: number;
  /** Most questions; further objects stay unasked. Default 16. */
  readonly maxObjects?: number;
  /** Most questions at a time. Default 4. */
  readonly concurrency?: number;
  /** Verdicts on objects in the same images, which are not asked about again. Default none. */
  readonly known?: readonly ObjectVerdict[];
}

/** What became of the question about an object. */
export interface ObjectVerdict {
  readonly object: string;
  /** The answer's first word; it decides where there is no margin. Unparsed answers make no doubt. */
  readonly says: "yes" | "no" | "unparsed";
  /** ln p(no) - ln p(yes) at the answer's first token, where its likeliest tokens are told and hold yes or no. */
  readonly margin?: number;
  readonly doubtful: boolean;
}

/** An object that a text names, with its place and its verdict, where it was asked about. */
export interface VerifiedMention extends Pick<LocatedMention, "word" | "object" | "start" | "end"> {
  readonly verdict?: ObjectVerdict;
}

/** A text whose objects were asked about. */
export interface VerifiedText {
  readonly text: string;
  readonly mentions: readonly VerifiedMention[];
  /** A verdict for each object that it names and that was asked about, in the order in which it names them. */
  readonly verdicts: readonly ObjectVerdict[];
  /** Objects that were not asked about, for `maxObjects`. */
  readonly unasked: readonly string[];
  /** Questions that were asked. */
  readonly calls: number;
}

const OPTIONS = ["wording", "objects", "threshold", "maxObjects", "concurrency", "known"] as const;

/**
 * Finds the objects that a text names, by CHAIR's words with plurals and colours mended, and asks once about each of them
 * whether it is in the image.
 *
 *     m(o) = ln sum_{no} p - ln sum_{yes} p at the answer's first token;  doubtful where m > threshold
 *
 * Without log-probabilities the answer's first word decides. What `ask` throws is thrown, and nothing further is asked.
 *
 * @throws InvalidArgumentError for an unknown option or a value out of range
 */
export async function verifyText(
  text: string,
  ask: AskAboutObject,
  options: VerifyTextOptions = {},
): Promise<VerifiedText> {
  const { wording, objects, threshold, maxObjects, concurrency, known } =
    checkVerifyOptions(options);
  const mentions = locateObjects(COLOUR_AWARE, objects)(text);
  const named = [...new Set(mentions.map(({ object }) => object))];
  const verdicts = new Map(known.map((verdict) => [verdict.object, verdict]));
  const fresh = named.filter((object) => !verdicts.has(object));
  const asked = fresh.slice(0, maxObjects);
  const limit = pLimit(concurrency);
  const verdictOn = async (object: string) => {
    try {
      return verdictOf(object, await ask(questionAbout(object, wording)), threshold);
    } catch (error) {
      limit.clearQueue();
      throw error;
    }
  };
  const found = await Promise.all(asked.map((object) => limit(verdictOn, object)));
  for (const verdict of found) verdicts.set(verdict.object, verdict);
  return {
    text,
    mentions: mentions.map(({ word, object, start, end }) => {
      const verdict = verdicts.get(object);
      return { word, object, start, end, ...(verdict && { verdict }) };
    }),
    verdicts: named.flatMap((object) => verdicts.get(object) ?? []),
    unasked: fresh.slice(maxObjects),
    calls: asked.length,
  };
}

/** Options with their defaults. @throws InvalidArgumentError for an unknown option or a value out of range */
export function checkVerifyOptions(
  options: VerifyTextOptions,
  refusal = "verifyText has no option",
): Required<VerifyTextOptions> {
  checkNames(options, OPTIONS, refusal);
  const { wording = WORDING, threshold = 0, maxObjects = 16, concurrency = 4 } = options;
  questionAbout("thing", wording);
  if (options.objects !== undefined && !Array.isArray(options.objects)) {
    throw new InvalidArgumentError(
      `objects: received ${typeof options.objects}; expected a list of names, such as ["lamp"]`,
    );
  }
  return {
    wording,
    objects: checkObjectNames(options.objects ?? []),
    threshold: numberIn("threshold", threshold, Number.NEGATIVE_INFINITY),
    maxObjects: integerIn("maxObjects", maxObjects, 0),
    concurrency: integerIn("concurrency", concurrency, 1),
    known: options.known ?? [],
  };
}

function verdictOf(object: string, answer: ObjectAnswer, threshold: number): ObjectVerdict {
  const says = firstWordRule(answer.text);
  const margin = noAhead(answer.likeliest ?? []);
  const told = { object, says, ...(margin === undefined ? {} : { margin }) };
  return { ...told, doubtful: doubtIn(told) > threshold };
}

/** How doubtful an object is: its margin, or without one as far as can be. */
function doubtIn({ says, margin }: Pick<ObjectVerdict, "says" | "margin">): number {
  return margin ?? (says === "no" ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY);
}

/** Whether an object was asked about and the answer said neither yes nor no. */
export function isUnclear({ says, margin }: ObjectVerdict): boolean {
  return says === "unparsed" && margin === undefined;
}

/** The places of a text that name something doubtful. */
export function doubtfulMentions({ mentions }: VerifiedText): VerifiedMention[] {
  return mentions.filter(({ verdict }) => verdict?.doubtful);
}

/** A text without what is doubtful. */
export interface CertainText {
  readonly text: string;
  /** Sentences that were left out. */
  readonly dropped: readonly string[];
  /** The end of a sentence, which was left out from its first doubtful phrase on. */
  readonly cut?: string;
  /** The sentence that is doubtful and stays, where there is no other. */
  readonly left?: string;
}

/**
 * A text without the sentences that name a doubtful object. It never becomes empty: where all sentences do, the least
 * doubtful one stays, ended in front of the first phrase that names one; whole, where it names nothing else before.
 *
 * @param options.cut whether that sentence is ended early; else it stays whole, as with the method `verify`. Default true
 */
export function dropDoubtful(
  verified: VerifiedText,
  { cut = true }: { readonly cut?: boolean } = {},
): CertainText {
  const { text, mentions } = verified;
  const sentences = sentencesOf(text);
  const doubt = ({ verdict }: VerifiedMention) =>
    verdict?.doubtful ? doubtIn(verdict) : Number.NEGATIVE_INFINITY;
  const { kept, isLeft } = certainSentences(sentences, mentions, doubt, Number.NEGATIVE_INFINITY);
  const words = ({ start, end }: TextPart) => text.slice(start, end);
  const dropped = sentences.filter((one) => !kept.includes(one)).map((one) => words(one).trim());
  const whole = kept.map(words).join("").trim();
  if (!isLeft) return { text: whole, dropped };
  const [sentence] = kept as [TextPart];
  const named = mentionsIn(mentions, sentence);
  const first = named.findIndex(({ verdict }) => verdict?.doubtful);
  if (!cut || first < 1) return { text: whole, dropped, left: whole };
  const end = endBefore(text, named[first - 1]!, named[first]!);
  const mark = /[.!?]$/.exec(whole)?.[0] ?? ".";
  return {
    text: text.slice(sentence.start, end).trim() + mark,
    dropped,
    cut: text.slice(end, sentence.end).trim(),
  };
}

/**
 * A text with its doubtful objects marked.
 *
 * @param mark makes of the words what stands in their place. Default: behind them " [?]"
 */
export function markDoubtful(
  verified: VerifiedText,
  mark: (words: string) => string = (words) => `${words} [?]`,
): string {
  let [marked, read] = ["", 0];
  for (const { start, end } of doubtfulMentions(verified)) {
    marked += verified.text.slice(read, start) + mark(verified.text.slice(start, end));
    read = end;
  }
  return marked + verified.text.slice(read);
}
