import { STOP_WORDS } from "../causes/stop-words.js";

/** Words that name nothing in particular. */
const GENERAL = new Set(
  "image picture photo photograph scene view thing things object objects item items something stuff various many some several lot kind kinds type different other show shows showing see seen depict depicts depicting contain contains there here nice good".split(
    " ",
  ),
);
/** Words in a vowel that take "a", and in a consonant that take "an". */
const CONSONANT_SOUND = /^(?:eu|uni(?!n)|use|usu|uti|one\b|once\b|ukr)/;
const VOWEL_SOUND = /^(?:hour|honest|honou?r|heir)/;

/** What can be wrong with a caption by itself. */
export type CaptionFault = "empty" | "short" | "vague" | "ungrammatical";

/**
 * What is wrong with a caption, by rules that need no model:
 *
 * - empty: no letters;
 * - short: fewer words than there should be;
 * - vague: nothing but function words and words such as "thing" and "picture";
 * - ungrammatical: a word twice in a row, "a" before a vowel or "an" before a consonant, a bracket or quotation mark without
 *   its other, or characters that did not survive (�).
 *
 * @param fewest number of words that are not short
 */
export function captionFaults(caption: string, fewest: number): CaptionFault[] {
  const words = caption.toLowerCase().match(/\p{L}[\p{L}'’-]*/gu) ?? [];
  if (words.length === 0) return ["empty"];
  const isSpecific = words.some((word) => !STOP_WORDS.has(word) && !GENERAL.has(word));
  return [
    ...(words.length < fewest ? (["short"] as const) : []),
    ...(isSpecific ? [] : (["vague"] as const)),
    ...(isBroken(caption, words) ? (["ungrammatical"] as const) : []),
  ];
}

function isBroken(caption: string, words: readonly string[]): boolean {
  const count = (pattern: RegExp) => caption.match(pattern)?.length ?? 0;
  const isTwice = words.some((word, i) => word === words[i + 1] && !/^(?:had|that)$/.test(word));
  return (
    isTwice ||
    words.some((word, i) => isWrongArticle(word, words[i + 1])) ||
    count(/\(/g) !== count(/\)/g) ||
    count(/"/g) % 2 === 1 ||
    caption.includes("\uFFFD")
  );
}

function isWrongArticle(article: string, word: string | undefined): boolean {
  if (word === undefined || word.length < 2 || (article !== "a" && article !== "an")) return false;
  const isVowel = VOWEL_SOUND.test(word) || (/^[aeiou]/.test(word) && !CONSONANT_SOUND.test(word));
  return (article === "an") !== isVowel;
}
