import { checkSettings, type SettingsSchema } from "../arguments/settings.js";
import type { Method, MethodRun } from "../engine/method.js";
import { mapImages, type View } from "../engine/view.js";
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
      streams: [{ view: run.view }, { view: diffusedView(run, noiseStep) }],
      scores: ([clear, distorted]) => contrast(clear!.logits, distorted!.logits, alpha, beta),
    }),
  };
}

/**
 * The conversation with every image diffused: x_t with noise fixed by the seed and the image.
 *
 * @param step t, an integer from 0 to 999
 */
export function diffusedView(
  { view, seed, random }: Pick<MethodRun, "view" | "seed" | "random">,
  step: number,
): View {
  return mapImages(view, (variant, image) => ({
    key: `${variant.key}, diffused to step ${step} with seed ${seed}`,
    features: ({ dims, data }, encode) =>
      variant.features({ dims, data: diffuse(data, step, random("vcd noise", image)) }, encode),
  }));
}

/** See {@link vcd}. */
export const VCD: MethodEntry = {
  name: "vcd",
  summary: "visual contrastive decoding against a noisy image",
  paper: "Leng et al. 2024 (arXiv 2311.16922)",
  cost: "2 streams, 2 encodings of an image",
  settings: SETTINGS,
  create: vcd,
};
