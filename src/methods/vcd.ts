import { checkSettings, type SettingsSchema } from "../arguments/settings.js";
import type { ImageVariant } from "../engine/image-variant.js";
import type { Method, MethodRun } from "../engine/method.js";
import { mapImages } from "../engine/view.js";
import { diffuse } from "../math/diffusion-noise.js";
import { contrast } from "./contrast.js";
import type { MethodEntry } from "./method-entry.js";
import { BETA } from "./plausibility.js";

/** Options of {@link vcd}. */
export interface VcdOptions {
  /** Strength of the contrast, at least 0. Default 1. */
  readonly alpha?: number;
  /** Share of the best token's probability that a token needs, in [0, 1]. Default 0.1. */
  readonly beta?: number;
  /** Diffusion step t of the distorted images, an integer from 0 to 999. Default 500. */
  readonly noiseStep?: number;
}

const SETTINGS = {
  alpha: { type: "number", min: 0, default: 1, summary: "strength of the contrast" },
  beta: BETA,
  noiseStep: {
    type: "integer",
    min: 0,
    max: 999,
    default: 500,
    called: "noise step",
    summary: "diffusion step of the distorted image, 0 to 999",
  },
} as const satisfies SettingsSchema;

/**
 * Visual contrastive decoding: prefers what the images support over what the model would say of noisy ones.
 * Two streams: the images v and their diffused copies v', one draw of noise for the whole answer.
 *
 *     scores = (1 + alpha) l(v) - alpha l(v'),  kept where l(v)[y] >= ln(beta) + max l(v)
 *
 * @throws InvalidArgumentError for an unknown option or a value out of range
 * @see Leng et al. 2024 (arXiv 2311.16922), equations 3 and 4
 */
export function vcd(options: VcdOptions = {}): Method {
  const { alpha, beta, noiseStep } = checkSettings("vcd", SETTINGS, options);
  return {
    name: "vcd",
    settings: { alpha, beta, noiseStep },
    needs: { image: true },
    seeded: true,
    start: (run) => ({
      streams: [
        { view: run.view },
        { view: mapImages(run.view, (image, i) => diffused(image, i, run, noiseStep)) },
      ],
      scores: ([clear, distorted]) => contrast(clear!.logits, distorted!.logits, alpha, beta),
    }),
  };
}

/** x_t of an image, with noise fixed by the run's seed and the image. */
function diffused(
  variant: ImageVariant,
  image: number,
  run: MethodRun,
  step: number,
): ImageVariant {
  return {
    key: `${variant.key}, diffused to step ${step} with seed ${run.seed}`,
    features: (pixels, encode) =>
      variant.features(
        { dims: pixels.dims, data: diffuse(pixels.data, step, run.random("vcd noise", image)) },
        encode,
      ),
  };
}

/** See {@link vcd}. */
export const VCD: MethodEntry = {
  name: "vcd",
  summary: "visual contrastive decoding against a noisy image",
  settings: SETTINGS,
  create: vcd,
};
