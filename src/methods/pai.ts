import { checkSettings, type SettingsSchema } from "../arguments/settings.js";
import type { Method, MethodSession } from "../engine/method.js";
import { type View, withoutImages } from "../engine/view.js";
import { attentionScoresEdit } from "../onnx/edits/attention-scores.js";
import { contrast } from "./contrast.js";
import { layerRange } from "./layer-range.js";
import type { MethodEntry } from "./method-entry.js";
import {
  CARRIED,
  FIRST,
  FORM,
  layersSetting,
  type OnAttentionOptions,
  onAttention,
} from "./on-attention.js";
import { BETA } from "./plausibility.js";

/** Options of {@link pai}. Layers: by default "2-31/32". */
export interface PaiOptions extends OnAttentionOptions {
  /** Strength of attention to the image, at least 0; 0 leaves this half out. Default 0.2, the authors' (0.5 in other reports). */
  readonly alpha?: number;
  /** Strength of the contrast with the text alone, at least 1; 1 leaves this half out. Default 1.1. */
  readonly gamma?: number;
  /** Share of the best token's probability that a token needs in the contrast, in [0, 1]. Default 0.1. */
  readonly beta?: number;
  /**
   * "scaled": a + alpha |a|, the authors'. "added": a + alpha, for devices whose fused attention gives no scores. Default
   * "scaled".
   */
  readonly form?: "scaled" | "added";
  /**
   * Whether the first token is predicted with changed attention. Default as the authors' code does: "edited" where gamma
   * is 1, else "plain", since there the flag that keeps the text's stream as it is holds from the start.
   */
  readonly first?: "edited" | "plain";
}

const SETTINGS = {
  alpha: { type: "number", min: 0, default: 0.2, summary: "strength of attention to the image" },
  gamma: {
    type: "number",
    min: 1,
    default: 1.1,
    summary: "strength of the contrast with the text alone, 1 for none",
  },
  beta: BETA,
  layers: layersSetting("2-31/32"),
  form: FORM,
  first: FIRST,
  method: CARRIED,
} as const satisfies SettingsSchema;

/**
 * Pay attention to image: scores of image tokens are raised where the answer's tokens attend to them, and the answer is
 * contrasted with what the text alone suggests. Either half stands alone by its settings. Any method decodes on it: its
 * scores are then l(image).
 *
 *     a <- a + alpha |a|  at image tokens, before the softmax, for the queries of the answer
 *     scores = gamma (l(image) - l(text)) + l(text),  kept where l(image)[y] >= ln(beta) + max l(image)
 *
 * @throws InvalidArgumentError for an unknown option or a value out of range
 * @see Liu et al. 2024 (arXiv 2407.21771)
 */
export function pai(options: PaiOptions = {}): Method {
  const given = checkSettings("pai", SETTINGS, options);
  const { alpha, gamma, beta, form } = given;
  const first = given.first ?? (gamma === 1 ? "edited" : "plain");
  const edit = attentionScoresEdit({
    by: form === "scaled" ? "magnitude" : "one",
    layers: layerRange("layers", given.layers),
    queries: first === "edited" ? "answer" : "later",
  });
  const change = { edit, strength: alpha };
  return onAttention("pai", { ...given, first }, options.method, change, (inner, { view }) =>
    gamma === 1 ? inner : againstText(inner, view, gamma, beta),
  );
}

/** A session contrasted with the text alone, in one stream more. */
function againstText(inner: MethodSession, view: View, gamma: number, beta: number): MethodSession {
  const [first, ...others] = inner.streams;
  return {
    streams: [first, ...others, { view: withoutImages(view) }],
    scores(outputs, position) {
      const own = outputs.slice(0, -1);
      const seen = inner.scores?.(own, position) ?? own[0]!.logits;
      // Of log-probabilities, which the authors contrast, logits differ by a constant of each stream.
      return contrast(seen, outputs.at(-1)!.logits, gamma - 1, beta);
    },
    ...(inner.commit && { commit: inner.commit.bind(inner) }),
  };
}

/** See {@link pai}. */
export const PAI: MethodEntry = {
  name: "pai",
  summary:
    "pay attention to image: attention to it raised, the text alone contrasted; may carry another method",
  paper: "Liu et al. 2024 (arXiv 2407.21771)",
  cost: "2 streams on a patched graph; 1 with gamma 1",
  settings: SETTINGS,
  create: pai,
};
