/** A token that an answer might have begun with. */
export interface LikelyFirst {
  readonly token: string;
  /** Its log-probability, in nats. */
  readonly logprob: number;
}

/**
 * Our own rule: the first word decides, in any case and with any punctuation; an answer that begins with
 * neither yes nor no is unparsed and counted as neither.
 */
export function firstWordRule(answer: string): "yes" | "no" | "unparsed" {
  const word = /[\p{L}\p{N}']+/u.exec(answer)?.[0].toLowerCase();
  return word === "yes" || word === "no" ? word : "unparsed";
}

/** A token that is yes or no as a whole, behind a blank as texts or vocabularies write it. */
const YES_OR_NO = /^[\s\u2581\u0120]*(yes|no)\s*$/i;

/**
 * How far no is ahead of yes among the likeliest first tokens of an answer, over all spellings:
 *
 *     m = ln sum_{no} p - ln sum_{yes} p
 *
 * Where one of both is not among them, the least likely of them stands for it: m is then nearer to 0 than it truly is.
 *
 * @returns nothing where neither is among them
 */
export function noAhead(likeliest: readonly LikelyFirst[]): number | undefined {
  const chance = chanceOf(likeliest);
  if (chance.yes === 0 && chance.no === 0) return undefined;
  const least = Math.exp(Math.min(...likeliest.map(({ logprob }) => logprob)));
  // Hosted models tell -9999 and the like of what has no chance.
  const log = (of: number) => Math.log(Math.max(of === 0 ? least : of, Number.MIN_VALUE));
  return log(chance.no) - log(chance.yes);
}

/** What yes and no have of the whole among the likeliest first tokens of an answer: sum_{yes} p + sum_{no} p. */
export function yesOrNoMass(likeliest: readonly LikelyFirst[]): number {
  const { yes, no } = chanceOf(likeliest);
  return yes + no;
}

function chanceOf(likeliest: readonly LikelyFirst[]): { yes: number; no: number } {
  const chance = { yes: 0, no: 0 };
  for (const { token, logprob } of likeliest) {
    const word = YES_OR_NO.exec(token)?.[1]?.toLowerCase() as "yes" | "no" | undefined;
    if (word !== undefined) chance[word] += Math.exp(logprob);
  }
  return chance;
}
