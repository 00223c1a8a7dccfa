import { checkSettings, type SettingsSchema } from "../arguments/settings.js";
import type { Method } from "../engine/method.js";
import { attentionScoresEdit } from "../onnx/edits/attention-scores.js";
import { layerRange } from "./layer-range.js";
import type { MethodEntry } from "./method-entry.js";
import {
  CARRIED,
  FIRST,
  layersSetting,
  type OnAttentionOptions,
  onAttention,
} from "./on-attention.js";

/** Options of {@link heads}. Layers: by default "5-18/32". */
export interface HeadsOptions extends OnAttentionOptions {
  /** Strength of attention to the image, at least 0. Default 0.5. */
  readonly alpha?: number;
  /** Whether the first token is predicted with changed attention. Default "edited", as the authors' code does. */
  readonly first?: "edited" | "plain";
}

const SETTINGS = {
  alpha: { type: "number", min: 0, default: 0.5, summary: "strength of attention to the image" },
  layers: layersSetting("5-18/32"),
  first: FIRST,
  method: CARRIED,
} as const satisfies SettingsSchema;

/**
 * Heads-guided attention: in the middle layers each head attends more to the image tokens that the heads together look at,
 * wherever the answer's tokens attend. Any method decodes on it.
 *
 *     a_h <- a_h + alpha mean_k |a_k|  at image tokens, before the softmax, over the heads k of the layer
 *
 * @throws InvalidArgumentError for an unknown option or a value out of range
 * @see Jiang et al. 2025 (arXiv 2411.16724)
 */
export function heads(options: HeadsOptions = {}): Method {
  const given = checkSettings("heads", SETTINGS, options);
  const { alpha, layers, first } = { ...given, first: given.first ?? "edited" };
  const edit = attentionScoresEdit({
    by: "heads",
    layers: layerRange("layers", layers),
    queries: first === "edited" ? "answer" : "later",
  });
  const change = { edit, strength: alpha };
  return onAttention("heads", { alpha, layers, first }, options.method, change);
}

/** See {@link heads}. */
export const HEADS: MethodEntry = {
  name: "heads",
  summary:
    "heads-guided attention: middle layers look where their heads together look; may carry another method",
  paper: "Jiang et al. 2025 (arXiv 2411.16724)",
  cost: "1 stream on a patched graph",
  settings: SETTINGS,
  create: heads,
};
