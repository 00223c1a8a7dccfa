import { InvalidArgumentError } from "../../index.js";
import { logisticRegression } from "../statistics/logistic-regression.js";
import {
  calibratedTrust,
  onScale,
  type SignalWeight,
  type TrustCalibration,
} from "./calibration.js";
import type { SignalName, Signals } from "./signals.js";

/** A phrase of which it is known whether it is there. */
export interface KnownPhrase {
  readonly signals: Signals;
  readonly isThere: boolean;
}

/** How a calibration is fitted. */
export interface FitCalibrationOptions {
  /** Signals that are combined. */
  readonly signals: readonly SignalName[];
  /** The share of what is there that is to be kept, in percent. */
  readonly kept: number;
}

/** What a fit adds to what it was fitted on. */
export type FittedCalibration = Pick<TrustCalibration, "bias" | "signals" | "threshold" | "kept">;

/**
 * Fits a combination of signals: each standardised, logistic regression with an L2 penalty of 1, and as threshold the
 * highest trust that keeps the asked share of the phrases that are there.
 *
 * @throws InvalidArgumentError where phrases of both kinds are missing, or none has all signals
 */
export function fitCalibration(
  phrases: readonly KnownPhrase[],
  { signals: names, kept }: FitCalibrationOptions,
): FittedCalibration {
  const rows = phrases.flatMap(({ signals, isThere }) => {
    const values = names.map((name) => signals[name] ?? null);
    return values.some((value) => value === null)
      ? []
      : [{ values: values.map((value, j) => onScale(names[j]!, value!)), isThere }];
  });
  const invented = rows.filter(({ isThere }) => !isThere).length;
  if (invented === 0 || invented === rows.length) {
    throw new InvalidArgumentError(
      `trust: received ${rows.length} objects with all of ${names.join(", ")}, ${invented} of them invented; expected some that are there and some that are not: take more captions, or other signals`,
    );
  }
  const scales = names.map((_, j) => scaleOf(rows.map(({ values }) => values[j]!)));
  const { bias, weights } = logisticRegression(
    rows.map(({ values }) => values.map((value, j) => (value - scales[j]!.mean) / scales[j]!.sd)),
    rows.map(({ isThere }) => isThere),
  );
  const signals: SignalWeight[] = names.map((name, j) => ({
    name,
    ...scales[j]!,
    weight: weights[j]!,
  }));
  const trusts = phrases
    .filter(({ isThere }) => isThere)
    .map((phrase) => calibratedTrust({ bias, signals }, phrase.signals).trust)
    .sort((a, b) => a - b);
  const threshold = trusts[Math.floor((1 - kept / 100) * trusts.length + 1e-9)] ?? 0;
  return { bias, signals, threshold, kept };
}

/** Mean and standard deviation; 1 where nothing varies, so that a constant adds nothing. */
function scaleOf(values: readonly number[]): { mean: number; sd: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, sd: variance > 1e-24 ? Math.sqrt(variance) : 1 };
}
