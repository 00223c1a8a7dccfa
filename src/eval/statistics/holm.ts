import { InvalidArgumentError } from "../../errors.js";

/**
 * Holm's step-down correction: p-values that may be compared with the level although several were
 * looked at. p~(i) = max over j <= i of min(1, (m - j + 1) p(j)), in ascending order.
 *
 * @param pValues each in 0..1, any order; not touched
 * @returns adjusted p-values in the order given
 * @throws InvalidArgumentError when one lies outside 0..1
 * @see Holm 1979, Scandinavian Journal of Statistics 6
 */
export function holm(pValues: readonly number[]): number[] {
  for (const p of pValues) {
    if (!(p >= 0 && p <= 1)) {
      throw new InvalidArgumentError(`p-value: received ${p}; expected 0 to 1`);
    }
  }
  const ascending = pValues.map((p, index) => ({ p, index })).sort((a, b) => a.p - b.p);
  const adjusted = new Array<number>(pValues.length).fill(1);
  let largest = 0;
  for (const [rank, { p, index }] of ascending.entries()) {
    largest = Math.max(largest, Math.min(1, (pValues.length - rank) * p));
    adjusted[index] = largest;
  }
  return adjusted;
}
