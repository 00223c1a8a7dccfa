import type { YesNoTokens } from "../store/run-settings.js";

/** A word as a model may write it, at the beginning of a line or behind a space. */
function spellings(word: string): string[] {
  const capital = word.charAt(0).toUpperCase() + word.slice(1);
  return [capital, word, word.toUpperCase()].flatMap((written) => [written, ` ${written}`]);
}

/**
 * The tokens of a vocabulary that say yes and no: every spelling of `Yes`, `yes`, `YES` and of `No`, `no`, `NO`, with and
 * without a space in front, that is one token. Where a word has none, the first tokens of its spellings count. What
 * begins both words is left out.
 *
 * @param encode token ids of a text as it stands
 */
export async function yesNoTokens(
  encode: (text: string) => Promise<readonly number[]>,
): Promise<YesNoTokens> {
  const encodeAll = (word: string) => Promise.all(spellings(word).map(encode));
  const [yes, no] = [await encodeAll("yes"), await encodeAll("no")].map(firstTokens);
  const alone = (ids: ReadonlySet<number>, others: ReadonlySet<number>) =>
    [...ids].filter((id) => !others.has(id)).sort((a, b) => a - b);
  return { yes: alone(yes!, no!), no: alone(no!, yes!) };
}

function firstTokens(spelt: readonly (readonly number[])[]): Set<number> {
  const whole = spelt.filter(({ length }) => length === 1);
  return new Set((whole.length > 0 ? whole : spelt).flatMap(([first]) => first ?? []));
}
