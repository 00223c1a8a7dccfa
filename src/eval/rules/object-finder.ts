import {
  CHAIR_VOCABULARY,
  captionObjects,
  type FindMentions,
} from "../../objects/caption-objects.js";
import {
  AS_CHAIR,
  type CaptionReading,
  COLOUR_AWARE,
  type LocatedMention,
  locateObjects,
} from "../../objects/locate-objects.js";
import { wordnetForms } from "./wordnet-forms.js";

/** How captions are read: as CHAIR's script of 2018, as the one that lemmatises, or with plurals and colours mended. */
export type CaptionRule = "chair" | "chair-wordnet" | "colour-aware";

const READINGS: Readonly<Record<CaptionRule, CaptionReading>> = {
  chair: AS_CHAIR,
  "chair-wordnet": { forms: wordnetForms },
  "colour-aware": COLOUR_AWARE,
};

/** Names of the rules, the default first. */
export const CAPTION_RULES = ["chair", "chair-wordnet", "colour-aware"] as const;

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
  return { find: locateObjects(READINGS[rule], names), canonical: canonicalObject };
}

/** How mentions are found by a rule, in a caption {@link asRead}. */
export function findMentions(rule: CaptionRule, extra: Iterable<string> = []): FindMentions {
  return captionObjects(extra, READINGS[rule].forms);
}

/** A caption as a rule reads it. Offsets stay. */
export function asRead(rule: CaptionRule, caption: string): string {
  return READINGS[rule].as?.(caption) ?? caption;
}

/** The object that a name or synonym stands for. */
export function canonicalObject(name: string): string {
  return CHAIR_VOCABULARY.get(name) ?? name;
}
