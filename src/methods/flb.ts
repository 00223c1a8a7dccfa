import { checkSettings, type SettingsSchema } from "../arguments/settings.js";
import type { Method } from "../engine/method.js";
import type { MethodEntry } from "./method-entry.js";
import { applyPlausibility, BETA } from "./plausibility.js";

/** Options of {@link flb}. */
export interface FlbOptions {
  /** Most that the first logits weigh, at least 0. Default 0.3. */
  readonly gamma?: number;
  /** How fast their weight grows a token, at least 0. Default 0.05. */
  readonly lambda?: number;
  /** Share of the best token's probability that a token needs, in [0, 1]. Default 0.1. */
  readonly beta?: number;
}

const SETTINGS = {
  gamma: { type: "number", min: 0, default: 0.3, summary: "most that the first logits weigh" },
  lambda: { type: "number", min: 0, default: 0.05, summary: "growth of the weight a token" },
  beta: BETA,
} as const satisfies SettingsSchema;

/**
 * First logit boosting: what the model saw before its first word is added again to every later token.
 *
 *     scores = l_t + gamma (1 - e^(-lambda t)) l_0,  kept where l_t[y] >= ln(beta) + max l_t,  t from 0
 *
 * @throws InvalidArgumentError for an unknown option or a value out of range
 * @see Ha et al. 2026 (arXiv 2604.00455)
 */
export function flb(options: FlbOptions = {}): Method {
  const settings = checkSettings("flb", SETTINGS, options);
  const { gamma, lambda, beta } = settings;
  return {
    name: "flb",
    settings,
    needs: {},
    start({ view }) {
      let first: Float32Array | undefined;
      let scores: Float32Array | undefined;
      return {
        streams: [{ view }],
        scores([output], position) {
          const { logits } = output!;
          first ??= logits.slice();
          scores ??= new Float32Array(logits.length);
          const weight = -gamma * Math.expm1(-lambda * position);
          for (let i = 0; i < scores.length; i++) scores[i] = logits[i]! + weight * first[i]!;
          applyPlausibility(logits, beta, scores);
          return scores;
        },
      };
    },
  };
}

/** See {@link flb}. */
export const FLB: MethodEntry = {
  name: "flb",
  summary: "first logit boosting: the first token's logits added to every later one's",
  paper: "Ha et al. 2026 (arXiv 2604.00455)",
  cost: "1 stream",
  settings: SETTINGS,
  create: flb,
};
