import { checkSettings, type SettingsSchema } from "../arguments/settings.js";
import type { JsonValue } from "../engine/json-value.js";
import type { Method } from "../engine/method.js";
import { InvalidArgumentError } from "../errors.js";
import { ALPHA, contrastSession } from "./contrast.js";
import { AMOUNTS, type Distortion, distortedView } from "./distortions.js";
import type { MethodEntry } from "./method-entry.js";
import { BETA } from "./plausibility.js";

/** Options of {@link vcd}. */
export interface VcdOptions {
  /** Strength of the contrast, at least 0. Default 1. */
  readonly alpha?: number;
  /** Share of the best token's probability that a token needs, in [0, 1]. Default 0.1. */
  readonly beta?: number;
  /** What is done to the images of the second stream. Default "noise", the paper's. */
  readonly distortion?: Distortion;
  /** Diffusion step t of "noise", an integer from 0 to 999. Default 500. */
  readonly noiseStep?: number;
  /**
   * How much of the image the other distortions take, in [0, 1]: of "blur" the standard deviation as a share of the shorter
   * side (default 0.05), of "mask" the share of 14 x 14 cells that are covered (0.5), of "crop" the share of the area that
   * is cut away (0.75). "black" and "none" have none.
   */
  readonly amount?: number;
  /**
   * Over how many draws of chance ("noise", "mask", "crop") the distorted logits are averaged, from 1 to 64; each is a
   * stream. Greedy answers then hang less on one draw. Default 1.
   */
  readonly draws?: number;
}

const SETTINGS = {
  alpha: ALPHA,
  beta: BETA,
  noiseStep: {
    type: "integer",
    min: 0,
    max: 999,
    default: 500,
    called: "noise step",
    summary: "diffusion step of the distorted image, 0 to 999",
  },
  distortion: {
    type: "choice",
    choices: ["noise", "blur", "mask", "crop", "black", "none"],
    default: "noise",
    summary: "what is done to the image",
  },
  amount: {
    type: "number",
    min: 0,
    max: 1,
    default: null,
    summary: "how much of the image a blur, mask or crop takes",
  },
  draws: {
    type: "integer",
    min: 1,
    max: 64,
    default: 1,
    summary: "draws of noise, masks or crops that are averaged",
  },
} as const satisfies SettingsSchema;

/**
 * Visual contrastive decoding: prefers what the images support over what the model would say of distorted ones.
 * A stream of the images v, and one for each of n draws of their distorted copies v', drawn once for the whole answer.
 *
 *     scores = (1 + alpha) l(v) - alpha / n sum_i l(v'_i),  kept where l(v)[y] >= ln(beta) + max l(v)
 *
 * The mean of logits is, up to a constant, that of log-probabilities.
 *
 * @throws InvalidArgumentError for an unknown option, a value out of range, and settings of another distortion
 * @see Leng et al. 2024 (arXiv 2311.16922), equations 3 and 4, for noise and a single draw
 */
export function vcd(options: VcdOptions = {}): Method {
  const { alpha, beta, ...given } = checkSettings("vcd", SETTINGS, options);
  const { distortion, draws, noiseStep, amount } = checkDistortion(given, options);
  const strength = distortion === "noise" ? noiseStep : amount;
  return {
    name: "vcd",
    settings: { alpha, beta, ...told({ distortion, draws, noiseStep, amount }) },
    needs: { image: true },
    ...(isRandom(distortion) ? { seeded: true } : {}),
    start(run) {
      const views = Array.from({ length: draws }, (_, draw) =>
        distortedView(run, distortion, strength, draw),
      );
      return contrastSession(run.view, views, alpha, beta);
    },
  };
}

interface DistortionSettings {
  readonly distortion: Distortion;
  readonly draws: number;
  readonly noiseStep: number;
  readonly amount: number | null;
}

function isRandom(distortion: Distortion): boolean {
  return distortion === "noise" || distortion === "mask" || distortion === "crop";
}

/** @throws InvalidArgumentError for a setting that the distortion does not have */
function checkDistortion(
  settings: DistortionSettings,
  given: VcdOptions,
): Omit<DistortionSettings, "amount"> & { readonly amount: number } {
  const { distortion, draws, amount } = settings;
  const refuse = (name: string, remedy: string): never => {
    throw new InvalidArgumentError(
      `${name}: received one with distortion ${distortion}; expected none: ${remedy}`,
    );
  };
  const hasStep = given.noiseStep !== undefined && given.noiseStep !== null;
  if (hasStep && distortion !== "noise") refuse("noise step", "it is one of noise");
  const usual = AMOUNTS[distortion];
  if (amount !== null && usual === undefined) refuse("amount", "it is one of blur, mask and crop");
  if (draws > 1 && !isRandom(distortion)) refuse("draws", "nothing is left to chance");
  return { ...settings, amount: amount ?? usual ?? 0 };
}

/** What is stored of a distortion: with noise in one draw what was stored before there were others. */
function told({
  distortion,
  draws,
  noiseStep,
  amount,
}: DistortionSettings): Record<string, JsonValue> {
  return {
    ...(distortion === "noise" ? { noiseStep } : { distortion }),
    ...(AMOUNTS[distortion] === undefined ? {} : { amount }),
    ...(draws === 1 ? {} : { draws }),
  };
}

/** See {@link vcd}. */
export const VCD: MethodEntry = {
  name: "vcd",
  summary: "visual contrastive decoding against a noisy image, or one distorted in another way",
  paper: "Leng et al. 2024 (arXiv 2311.16922)",
  cost: "2 streams, 2 encodings of an image; a further one of either a draw",
  settings: SETTINGS,
  create: vcd,
};
