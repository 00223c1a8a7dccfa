import { checkSettings, type SettingsSchema } from "../arguments/settings.js";
import type { Method } from "../engine/method.js";
import { attentionScoresEdit } from "../onnx/edits/attention-scores.js";
import { layerRange } from "./layer-range.js";
import type { MethodEntry } from "./method-entry.js";
import {
  CARRIED,
  FORM,
  layersSetting,
  type OnAttentionOptions,
  onAttention,
} from "./on-attention.js";

/** Options of {@link vaf}. Layers: by default "9-14/32". */
export interface VafOptions extends OnAttentionOptions {
  /** Factor of the scores of image tokens, above 0. Default 1.15. */
  readonly enhance?: number;
  /** Factor of the scores of the tokens before the first image (the system prompt), above 0. Default 0.95. */
  readonly suppress?: number;
  /**
   * "scaled": scores are multiplied by a factor f, the authors'. "added": ln f is added to them, which multiplies the odds
   * of a token by f, for devices whose fused attention gives no scores. Default "scaled".
   */
  readonly form?: "scaled" | "added";
}

const SMALLEST = 1e-6;
const SETTINGS = {
  enhance: {
    type: "number",
    min: SMALLEST,
    default: 1.15,
    summary: "factor of attention's scores at image tokens",
  },
  suppress: {
    type: "number",
    min: SMALLEST,
    default: 0.95,
    summary: "factor at the tokens before the first image",
  },
  layers: layersSetting("9-14/32"),
  form: FORM,
  method: CARRIED,
} as const satisfies SettingsSchema;

/**
 * Visual amplification fusion: where text behind an image attends in the middle layers, in the prompt as in the answer,
 * scores of image tokens are enlarged and those of the system prompt are lessened. Any method decodes on it.
 *
 *     a <- enhance a  at image tokens,   a <- suppress a  at the tokens before the first image,   before the softmax
 *
 * @throws InvalidArgumentError for an unknown option or a value out of range
 * @see Yin et al. 2025 (arXiv 2503.13107)
 */
export function vaf(options: VafOptions = {}): Method {
  const given = checkSettings("vaf", SETTINGS, options);
  const { enhance, suppress, layers, form } = given;
  const change = (factor: number) => (form === "scaled" ? factor - 1 : Math.log(factor));
  const weights = { images: change(enhance), before: change(suppress) };
  const edit = attentionScoresEdit({
    by: form === "scaled" ? "score" : "one",
    layers: layerRange("layers", layers),
    queries: "behind images",
    weights,
  });
  const strength = weights.images === 0 && weights.before === 0 ? 0 : 1;
  return onAttention("vaf", given, options.method, { edit, strength });
}

/** See {@link vaf}. */
export const VAF: MethodEntry = {
  name: "vaf",
  summary:
    "visual amplification fusion: attention to the image up, to the system prompt down; may carry another method",
  paper: "Yin et al. 2025 (arXiv 2503.13107)",
  cost: "1 stream on a patched graph",
  settings: SETTINGS,
  create: vaf,
};
