/** How signals are combined into a probability that a phrase is there, as fitted for one model. */
import { z } from "zod";
import { DatasetError } from "../../index.js";
import { sigmoid } from "../statistics/logistic-regression.js";
import { SIGNAL_NAMES, SIGNALS, type SignalName, type Signals } from "./signals.js";

/** How a signal counts. */
export interface SignalWeight {
  readonly name: SignalName;
  /** Mean and standard deviation, on the signal's scale, of what it was fitted on. */
  readonly mean: number;
  readonly sd: number;
  readonly weight: number;
}

/** A fitted combination of signals. The JSON that `groundsight diagnose trust --fit` writes. */
export interface TrustCalibration {
  readonly schemaVersion: 1;
  /** What it was fitted for; it holds for no other. */
  readonly model: { readonly id: string; readonly dtype: string; readonly hash: string };
  /** What it was fitted on. */
  readonly data: {
    readonly name: string;
    readonly captions: number;
    readonly objects: number;
    readonly invented: number;
  };
  /** Question about an object; see `TrustOptions`. */
  readonly wording: string;
  readonly elementPrompt: string;
  readonly noiseStep: number;
  readonly bias: number;
  readonly signals: readonly SignalWeight[];
  /** Trust below it is doubtful. */
  readonly threshold: number;
  /** The share of true objects of the data whose trust is not below the threshold, in percent: how it was chosen. */
  readonly kept: number;
}

/** A signal's part in a trust. */
export interface Contribution {
  readonly name: SignalName;
  /** Log-odds: below 0 it speaks against the phrase, compared with the average of the data. */
  readonly logOdds: number;
  /** Whether it counts in the direction that its name says; in a combination some correct others instead. */
  readonly isPlain: boolean;
}

/** What a calibration makes of a phrase's signals. */
export interface CalibratedTrust {
  /** Estimated probability that it is there. */
  readonly trust: number;
  readonly contributions: readonly Contribution[];
}

/** Combines signals; one that could not be read counts as average. */
export function calibratedTrust(
  { bias, signals }: Pick<TrustCalibration, "bias" | "signals">,
  read: Signals,
): CalibratedTrust {
  const contributions = signals.map(({ name, mean, sd, weight }) => {
    const value = read[name];
    const logOdds =
      value === null || value === undefined ? 0 : (weight * (onScale(name, value) - mean)) / sd;
    return { name, logOdds, isPlain: weight * SIGNALS[name].sign > 0 };
  });
  const logOdds = contributions.reduce((sum, part) => sum + part.logOdds, bias);
  return { trust: sigmoid(logOdds), contributions };
}

/** A signal's value on the scale on which it is combined. */
export function onScale(name: SignalName, value: number): number {
  return SIGNALS[name].scaled?.(value) ?? value;
}

const FINITE = z.number();
const TEXT = z.string().min(1);
const COUNT = z.int().min(0);

const CALIBRATION: z.ZodType<TrustCalibration> = z.strictObject({
  schemaVersion: z.literal(1),
  model: z.strictObject({ id: z.string(), dtype: z.string(), hash: z.string() }),
  data: z.strictObject({ name: z.string(), captions: COUNT, objects: COUNT, invented: COUNT }),
  wording: TEXT,
  elementPrompt: TEXT,
  noiseStep: COUNT.max(999),
  bias: FINITE,
  signals: z
    .array(
      z.strictObject({
        name: z.enum(SIGNAL_NAMES as [SignalName, ...SignalName[]]),
        mean: FINITE,
        sd: FINITE.positive(),
        weight: FINITE,
      }),
    )
    .min(1),
  threshold: FINITE.min(0).max(1),
  kept: FINITE.min(0).max(100),
});

/**
 * Checks what a file of a calibration holds.
 *
 * @param path for messages
 * @throws DatasetError naming file and place
 */
export function parseCalibration(text: string, path: string): TrustCalibration {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new DatasetError(`${path}: no JSON (${(cause as Error).message}); ${REMEDY}`, { cause });
  }
  const checked = CALIBRATION.safeParse(value);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  throw new DatasetError(
    `${path}: ${issue?.path.join(".") || "the whole"}: ${issue?.message}; ${REMEDY}`,
  );
}

const REMEDY = "expected a calibration as `groundsight diagnose trust --fit` writes it";
