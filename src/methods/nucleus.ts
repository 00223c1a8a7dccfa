import { softmax } from "../math/softmax.js";

/**
 * Keeps the smallest set of most likely tokens whose probability, after a temperature, reaches `topP`.
 * At least one token is kept; of equal tokens the ones with smaller ids come first.
 *
 * @param logits (V), changed in place: -Infinity where a token is left out, otherwise as they were
 */
export function keepNucleus(
  logits: Float32Array,
  { temperature, topP }: { readonly temperature: number; readonly topP: number },
): void {
  const probs = softmax(logits.map((logit) => logit / temperature));
  // Tokens below (1 - p) / V hold less than 1 - p together, so the nucleus lies among the others: fewer to sort.
  const floor = (1 - topP) / probs.length;
  const likely: number[] = [];
  for (let id = 0; id < probs.length; id++) if (probs[id]! >= floor) likely.push(id);
  likely.sort((a, b) => logits[b]! - logits[a]! || a - b);
  const kept = new Set<number>();
  let mass = 0;
  for (const id of likely) {
    kept.add(id);
    mass += probs[id]!;
    if (mass >= topP) break;
  }
  for (let id = 0; id < logits.length; id++)
    if (!kept.has(id)) logits[id] = Number.NEGATIVE_INFINITY;
}
