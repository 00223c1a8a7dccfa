import { InvalidArgumentError } from "../../errors.js";

/**
 * McNemar's test for two methods that answered the same questions, two-sided, by the mid-p variant of the
 * exact test: only questions that exactly one method got right tell anything; under no difference each
 * method wins one with probability 1/2. mid-p keeps the error rate near its nominal value, where the
 * plain exact test stays far below it.
 *
 *     p = 2 P(X < k) + P(X = k),  X ~ Binomial(b + c, 1/2),  k = min(b, c)
 *
 * Questions about one image are taken as independent; read it beside the paired bootstrap by image.
 *
 * @param onlyFirst number of questions that the first method alone got right, b
 * @param onlySecond number that the second alone got right, c
 * @returns p in (0, 1]; 1 when b = c
 * @throws InvalidArgumentError when a number is no integer of at least 0
 * @see McNemar 1947; Fagerland, Lydersen and Laake 2013, doi 10.1186/1471-2288-13-91
 */
export function mcnemar(onlyFirst: number, onlySecond: number): number {
  for (const value of [onlyFirst, onlySecond]) {
    if (!Number.isInteger(value) || value < 0) {
      throw new InvalidArgumentError(`received ${value}; expected an integer of at least 0`);
    }
  }
  if (onlyFirst === onlySecond) return 1;
  const n = onlyFirst + onlySecond;
  const k = Math.min(onlyFirst, onlySecond);
  let logBinomial = 0;
  let below = 0;
  for (let i = 0; i < k; i++) {
    below += Math.exp(logBinomial - n * Math.LN2);
    logBinomial += Math.log((n - i) / (i + 1));
  }
  return Math.min(1, 2 * below + Math.exp(logBinomial - n * Math.LN2));
}
