import { checkSettings, type SettingsSchema } from "../arguments/settings.js";
import { UNKNOWN_IMAGE } from "../engine/image-variant.js";
import type { Method } from "../engine/method.js";
import { mapImages, type View, withoutImages } from "../engine/view.js";
import { ALPHA, contrastSession } from "./contrast.js";
import type { MethodEntry } from "./method-entry.js";
import { BETA } from "./plausibility.js";

/** Options of {@link vdd}. */
export interface VddOptions {
  /** Strength of the contrast, at least 0. Default 1. */
  readonly alpha?: number;
  /** Share of the best token's probability that a token needs, in [0, 1]. Default 0.1. */
  readonly beta?: number;
  /**
   * What the image is contrasted with: "none", no image; "unk", the tokenizer's unknown token in its place; "both", the
   * mean of their logits. Default "none".
   */
  readonly nullImage?: "none" | "unk" | "both";
}

const SETTINGS = {
  alpha: ALPHA,
  beta: BETA,
  nullImage: {
    type: "choice",
    choices: ["none", "unk", "both"],
    default: "none",
    summary: "what the image is contrasted with: none, an unknown token, the mean of both",
  },
} as const satisfies SettingsSchema;

/**
 * Visual debias decoding: prefers what the images support over what the text alone suggests.
 * Two streams: the conversation with its images v, and without them, or with an unknown token in the place of each; or
 * three, l(x) being the mean of both.
 *
 *     scores = (1 + alpha) l(v, x) - alpha l(x),  kept where l(v, x)[y] >= ln(beta) + max l(v, x)
 *
 * Where the tokenizer has no unknown token, "unk" and "both" are refused.
 *
 * @throws InvalidArgumentError for an unknown option or a value out of range
 * @see Zhang et al. 2024 (arXiv 2403.05262)
 */
export function vdd(options: VddOptions = {}): Method {
  const settings = checkSettings("vdd", SETTINGS, options);
  const { alpha, beta, nullImage } = settings;
  return {
    name: "vdd",
    settings,
    needs: { image: true, ...(nullImage === "none" ? {} : { unknownToken: true }) },
    start: ({ view }) => contrastSession(view, nullViews(view, nullImage), alpha, beta),
  };
}

function nullViews(view: View, nullImage: "none" | "unk" | "both"): View[] {
  const unknown = nullImage === "none" ? [] : [mapImages(view, () => UNKNOWN_IMAGE)];
  return nullImage === "unk" ? unknown : [...unknown, withoutImages(view)];
}

/** See {@link vdd}. */
export const VDD: MethodEntry = {
  name: "vdd",
  summary: "visual debias decoding: the image contrasted with no image at all",
  paper: "Zhang et al. 2024 (arXiv 2403.05262)",
  cost: "2 streams, the second without image tokens; 3 with the mean of both null images",
  settings: SETTINGS,
  create: vdd,
};
