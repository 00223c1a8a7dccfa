import { argMax } from "../math/arg-max.js";

/** Ids of the tokens that an answer "yes" and an answer "no" may begin with. */
export interface YesNoTokens {
  readonly yes: readonly number[];
  readonly no: readonly number[];
}

/** How far yes is ahead of no; empty where a side has no token or no chance. */
export interface YesAhead {
  /** ln sum_{yes} p - ln sum_{no} p, in nats. */
  readonly margin?: number;
  /** sum_{yes} p + sum_{no} p. */
  readonly mass?: number;
}

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

/**
 * How far yes is ahead of no, and what both have of the whole:
 *
 *     margin = ln sum_{yes} p - ln sum_{no} p,  mass = sum_{yes} p + sum_{no} p,  p = softmax(logits)
 *
 * @param logits (V) raw; not modified
 * @returns nothing where a side has no token or no chance
 */
export function yesAhead(logits: Float32Array, { yes, no }: YesNoTokens): YesAhead {
  const max = logits[argMax(logits)]!;
  const share = (ids: readonly number[]) =>
    ids.reduce((sum, id) => sum + Math.exp(logits[id]! - max), 0);
  // Of its own maximum: a side far below the best token still has a logarithm.
  const [ofYes, ofNo] = [yes, no].map((ids) => {
    const own = Math.max(...ids.map((id) => logits[id]!));
    return own + Math.log(ids.reduce((sum, id) => sum + Math.exp(logits[id]! - own), 0));
  });
  const margin = ofYes! - ofNo!;
  if (!Number.isFinite(margin)) return {};
  const whole = logits.reduce((sum, logit) => sum + Math.exp(logit - max), 0);
  return { margin: rounded(margin), mass: rounded((share(yes) + share(no)) / whole) };
}

/** To four decimals: what is decoded beside an answer may move the last bits of its logits. */
function rounded(value: number): number {
  return Math.round(1e4 * value) / 1e4 + 0;
}
