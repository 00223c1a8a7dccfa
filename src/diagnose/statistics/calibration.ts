import { InvalidArgumentError } from "../../index.js";

/** Predictions whose probability lies in one bin. */
export interface CalibrationBin {
  /** Bounds of the bin, the lower one exclusive but for 0. */
  readonly low: number;
  readonly high: number;
  readonly n: number;
  /** Mean probability that was predicted; null where there are none. */
  readonly predicted: number | null;
  /** Share that came true; null where there are none. */
  readonly observed: number | null;
}

/**
 * The reliability curve: of predictions in bins of equal width, how many came true.
 *
 * @param probabilities 0 to 1
 * @param isTrue what came of each
 * @param bins at least 1
 * @throws InvalidArgumentError for what is no probability
 */
export function reliability(
  probabilities: readonly number[],
  isTrue: readonly boolean[],
  bins = 10,
): CalibrationBin[] {
  const wrong = probabilities.find((p) => !(p >= 0 && p <= 1));
  if (wrong !== undefined) {
    throw new InvalidArgumentError(`probabilities: received ${wrong}; expected 0 to 1`);
  }
  const sums = Array.from({ length: bins }, () => ({ n: 0, predicted: 0, observed: 0 }));
  probabilities.forEach((p, i) => {
    const bin = sums[Math.max(0, Math.ceil(p * bins) - 1)]!;
    bin.n++;
    bin.predicted += p;
    if (isTrue[i]) bin.observed++;
  });
  return sums.map(({ n, predicted, observed }, i) => ({
    low: i / bins,
    high: (i + 1) / bins,
    n,
    predicted: n === 0 ? null : predicted / n,
    observed: n === 0 ? null : observed / n,
  }));
}

/**
 * The expected calibration error: how far predicted probabilities are from observed shares, over bins of equal width.
 *
 *     sum_b (n_b / n) |observed_b - predicted_b|
 *
 * @returns null where there is no prediction
 * @see Guo et al. 2017, arXiv 1706.04599, equation 3
 */
export function expectedCalibrationError(
  probabilities: readonly number[],
  isTrue: readonly boolean[],
  bins = 10,
): number | null {
  if (probabilities.length === 0) return null;
  return reliability(probabilities, isTrue, bins).reduce(
    (sum, { n, predicted, observed }) =>
      sum + (n / probabilities.length) * Math.abs((observed ?? 0) - (predicted ?? 0)),
    0,
  );
}
