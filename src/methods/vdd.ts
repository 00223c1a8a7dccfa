import { checkSettings, type SettingsSchema } from "../arguments/settings.js";
import type { Method } from "../engine/method.js";
import { withoutImages } from "../engine/view.js";
import { ALPHA, contrastSession } from "./contrast.js";
import type { MethodEntry } from "./method-entry.js";
import { BETA } from "./plausibility.js";

/** Options of {@link vdd}. */
export interface VddOptions {
  /** Strength of the contrast, at least 0. Default 1. */
  readonly alpha?: number;
  /** Share of the best token's probability that a token needs, in [0, 1]. Default 0.1. */
  readonly beta?: number;
}

const SETTINGS = { alpha: ALPHA, beta: BETA } as const satisfies SettingsSchema;

/**
 * Visual debias decoding: prefers what the images support over what the text alone suggests.
 * Two streams: the conversation with its images v, and without them.
 *
 *     scores = (1 + alpha) l(v, x) - alpha l(x),  kept where l(v, x)[y] >= ln(beta) + max l(v, x)
 *
 * @throws InvalidArgumentError for an unknown option or a value out of range
 * @see Zhang et al. 2024 (arXiv 2403.05262)
 */
export function vdd(options: VddOptions = {}): Method {
  const settings = checkSettings("vdd", SETTINGS, options);
  const { alpha, beta } = settings;
  return {
    name: "vdd",
    settings,
    needs: { image: true },
    start: ({ view }) => contrastSession(view, [withoutImages(view)], alpha, beta),
  };
}

/** See {@link vdd}. */
export const VDD: MethodEntry = {
  name: "vdd",
  summary: "visual debias decoding: the image contrasted with no image at all",
  paper: "Zhang et al. 2024 (arXiv 2403.05262)",
  cost: "2 streams, the second without image tokens",
  settings: SETTINGS,
  create: vdd,
};
