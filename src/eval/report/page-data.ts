/** One series of answers, as the page offers it for choice. */
export interface PageSeries {
  readonly method: string;
  /** For example `greedy`, `greedy, draw 2`, `seed 0`. */
  readonly decoding: string;
  /**
   * A character for each question: right `r`, wrong `w`, unparsed `u`, neither right nor wrong `n`, not answered `.`.
   */
  readonly outcomes: string;
  /**
   * A character for each question: which of its `answers` the series gave, counted from the character `0` on; `.` where
   * it gave none. Two series answered alike where these are equal.
   */
  readonly variants: string;
}

/** A set, without its texts. */
export interface PageSet {
  readonly name: string;
  readonly title: string;
  readonly questions: number;
  /** Questions in each of its parts. */
  readonly partSize: number;
  readonly series: readonly PageSeries[];
}

/** A question with all different answers to it. */
export interface PageQuestion {
  readonly id: string;
  readonly prompt: string;
  readonly truth: string;
  /** Name of its image; null where it has none. */
  readonly image: string | null;
  /** The picture, from the page on; null where the report has none. */
  readonly picture: string | null;
  readonly answers: readonly { readonly text: string; readonly explanation: string }[];
}

/**
 * The scripts of a report's page: name and content. A page that was opened as a file can load scripts beside it, but
 * read no other files.
 */
export interface PageScripts {
  /** What the page must know before it shows answers. */
  readonly index: readonly PageSet[];
  /** The questions of each set, part by part. */
  readonly parts: readonly (readonly (readonly PageQuestion[])[])[];
}

/** The function that those scripts call with their name and content. */
export const PAGE_CALLBACK = "groundsightPage";

/** Folder of those scripts, beside the page. */
export const PAGE_FOLDER = "report-data";

/** Name of the script with a part of a set, without its ending; `index` is the one with all sets. */
export function partName(set: number, part: number): string {
  return `answers-${set}-${part}`;
}

/** What stands for an answer's number among those to its question. */
export function variantMark(index: number): string {
  return String.fromCharCode(FIRST_VARIANT + index);
}

/** The number that a mark stands for; null for none. */
export function variantIndex(mark: string | undefined): number | null {
  return mark === undefined || mark === MISSING ? null : mark.charCodeAt(0) - FIRST_VARIANT;
}

/** Stands where a series has no answer. */
export const MISSING = ".";

const FIRST_VARIANT = 48;
