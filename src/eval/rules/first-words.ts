/** Words of a text: what white space parts. */
export function wordCount(text: string): number {
  return text.match(/\S+/g)?.length ?? 0;
}

/**
 * The beginning of a text up to its n-th word, spaces between words as they stand; the whole text when it
 * has no more. Words are what white space parts.
 *
 * @param count 0 or more
 */
export function firstWords(text: string, count: number): string {
  if (count === 0) return "";
  const words = /\S+/g;
  for (let i = 0; i < count; i++) if (words.exec(text) === null) return text;
  return text.slice(0, words.lastIndex);
}
