import { type MakeBaseForms, mendedForms, patternForms } from "./base-forms.js";
import { captionObjects, type Mention } from "./caption-objects.js";
import { nltkTokens, tokenOffsets } from "./nltk-tokens.js";

/** A mention with its place: offsets of UTF-16 units, the end exclusive. */
export interface LocatedMention extends Mention {
  readonly start: number;
  readonly end: number;
}

/** A way of reading captions. */
export interface CaptionReading {
  /** How the base forms of words are found. */
  readonly forms: MakeBaseForms;
  /** What the text is read as; its offsets stay. As it is where left out. */
  readonly as?: (caption: string) => string;
}

/** As CHAIR's script of 2018. */
export const AS_CHAIR: CaptionReading = { forms: patternForms };

/** The same with plurals mended, and without the colour in "the cat is orange", which the authors count as a fruit. */
export const COLOUR_AWARE: CaptionReading = {
  forms: mendedForms,
  as: (caption) => caption.replaceAll(/\b(is|are|was|were) orange\b/gi, "$1       "),
};

/**
 * Finds the objects that captions name, in order, repeats included, with the place of each.
 *
 * @param names objects that count besides CHAIR's 80
 */
export function locateObjects(
  { forms, as = (caption) => caption }: CaptionReading,
  names: Iterable<string> = [],
): (caption: string) => LocatedMention[] {
  const find = captionObjects(names, forms);
  return (caption) => {
    const text = as(caption);
    const offsets = tokenOffsets(text, nltkTokens(text));
    return find(text).map((mention) => {
      const [first, end] = mention.tokens;
      return { ...mention, start: offsets[first]![0], end: offsets[end - 1]![1] };
    });
  };
}
