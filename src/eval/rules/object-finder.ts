import { type MakeBaseForms, mendedForms, patternForms, wordnetForms } from "./base-forms.js";
import {
  CHAIR_VOCABULARY,
  captionObjects,
  type FindMentions,
  type Mention,
} from "./caption-objects.js";
import { nltkTokens, tokenOffsets } from "./nltk-tokens.js";

/** How captions are read: as CHAIR's script of 2018, as the one that lemmatises, or with plurals and colours mended. */
export type CaptionRule = "chair" | "chair-wordnet" | "colour-aware";

const BASE_FORMS: Readonly<Record<CaptionRule, MakeBaseForms>> = {
  chair: patternForms,
  "chair-wordnet": wordnetForms,
  "colour-aware": mendedForms,
};

/** Names of the rules, the default first. */
export const CAPTION_RULES = ["chair", "chair-wordnet", "colour-aware"] as const;

/** A mention with its place: offsets of UTF-16 units, the end exclusive. */
export interface LocatedMention extends Mention {
  readonly start: number;
  readonly end: number;
}

/** Finds objects in captions by one of CHAIR's rules. */
export interface ObjectFinder {
  /** The mentions of known objects, in order, repeats included. */
  find(caption: string): LocatedMention[];
  /** The object that a name or synonym stands for: CHAIR's, else the name itself. */
  canonical(name: string): string;
}

/**
 * CHAIR's reading of captions, with the place of each mention.
 *
 * @param options `names`: objects that count besides CHAIR's 80, for example those of the truth; `rule`: `chair` by default
 */
export function objectFinder({
  rule = "chair",
  names = [],
}: {
  readonly rule?: CaptionRule;
  readonly names?: Iterable<string>;
} = {}): ObjectFinder {
  const find = findMentions(rule, names);
  return {
    find: (caption) => {
      const text = asRead(rule, caption);
      const offsets = tokenOffsets(text, nltkTokens(text));
      return find(text).map((mention) => {
        const [first, end] = mention.tokens;
        return { ...mention, start: offsets[first]![0], end: offsets[end - 1]![1] };
      });
    },
    canonical: canonicalObject,
  };
}

/** How mentions are found by a rule, in a caption {@link asRead}. */
export function findMentions(rule: CaptionRule, extra: Iterable<string> = []): FindMentions {
  return captionObjects(extra, BASE_FORMS[rule]);
}

/**
 * A caption as a rule reads it: the authors count the colour in "the cat is orange" as a fruit, `colour-aware` does not.
 * Offsets stay.
 */
export function asRead(rule: CaptionRule, caption: string): string {
  if (rule !== "colour-aware") return caption;
  return caption.replaceAll(/\b(is|are|was|were) orange\b/gi, "$1       ");
}

/** The object that a name or synonym stands for. */
export function canonicalObject(name: string): string {
  return CHAIR_VOCABULARY.get(name) ?? name;
}
