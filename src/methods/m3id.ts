import { checkSettings, type SettingsSchema } from "../arguments/settings.js";
import type { Method } from "../engine/method.js";
import { withoutImages } from "../engine/view.js";
import { argMax } from "../math/arg-max.js";
import { logSumExp } from "../math/log-sum-exp.js";
import { contrast, contrastSession } from "./contrast.js";
import type { MethodEntry } from "./method-entry.js";
import { BETA } from "./plausibility.js";

/** Whose form of {@link m3id}: the authors published no code. */
export type M3idForm = "mitigv" | "ritual" | "avisc";

/** Options of {@link m3id}. */
export interface M3idOptions {
  /** "mitigv" (the paper's: gated, no plausibility constraint), "ritual" or "avisc". Default "mitigv". */
  readonly form?: M3idForm;
  /** How fast the text is forgotten a token, at least 0. Default 0.02. */
  readonly lambda?: number;
  /** The contrast acts where no token has this probability, in [0, 1]; 1 is always. Default: 0.3 in "mitigv", else 1. */
  readonly threshold?: number;
  /** Share of the best token's probability that a token needs, in [0, 1]. Default: 0 in "mitigv", else 0.1. */
  readonly beta?: number;
}

/** What tells the published forms apart: gate, plausibility constraint and the count of the first token. */
const FORMS = {
  mitigv: { threshold: 0.3, beta: 0, first: 1 },
  ritual: { threshold: 1, beta: 0.1, first: 0 },
  avisc: { threshold: 1, beta: 0.1, first: 1 },
} as const;

const SETTINGS = {
  form: {
    type: "choice",
    choices: ["mitigv", "ritual", "avisc"],
    default: "mitigv",
    summary: "whose form: gated (the paper's), or with a plausibility constraint",
  },
  lambda: { type: "number", min: 0, default: 0.02, summary: "growth of the weight a token" },
  threshold: {
    type: "number",
    min: 0,
    max: 1,
    default: null,
    summary: "contrast only where no token has this probability; 1 is always",
  },
  beta: { ...BETA, default: null },
} as const satisfies SettingsSchema;

/** Keeps scores of float32 finite in endless answers; the contrast alone decides long before. */
const MOST = 1e30;

/**
 * Multi-modal mutual information decoding: the longer the answer, the more what the images support counts over what the
 * text alone suggests. Two streams: the conversation with its images v, and without them.
 *
 *     scores = l(v) + g (1 - gamma_t) / gamma_t (l(v) - l()),  gamma_t = e^(-lambda t)
 *     g = 1 where max p(v) < threshold, else 0;  kept where l(v)[y] >= ln(beta) + max l(v)
 *
 * On raw logits as on log-probabilities: the two differ by a constant over all tokens, which changes no probability.
 *
 * @throws InvalidArgumentError for an unknown option or a value out of range
 * @see Favero et al. 2024 (arXiv 2403.14003), equation 8; t counts from 1 in "mitigv" and "avisc", from 0 in "ritual"
 */
export function m3id(options: M3idOptions = {}): Method {
  const given = checkSettings("m3id", SETTINGS, options);
  const { form, lambda } = given;
  const { first, ...own } = FORMS[form];
  const threshold = given.threshold ?? own.threshold;
  const beta = given.beta ?? own.beta;
  return {
    name: "m3id",
    settings: { form, lambda, threshold, beta },
    needs: { image: true },
    start({ view }) {
      const blindView = withoutImages(view);
      if (lambda === 0 || threshold === 0) return contrastSession(view, [blindView], 0, beta);
      return {
        streams: [{ view }, { view: blindView }],
        scores([seen, blind], position) {
          const acts = threshold === 1 || bestProbability(seen!.logits) < threshold;
          const weight = acts ? Math.min(Math.expm1(lambda * (position + first)), MOST) : 0;
          return contrast(seen!.logits, blind!.logits, weight, beta);
        },
      };
    },
  };
}

function bestProbability(logits: Float32Array): number {
  const max = logits[argMax(logits)]!;
  return Math.exp(max - logSumExp(logits, max));
}

/** See {@link m3id}. */
export const M3ID: MethodEntry = {
  name: "m3id",
  summary: "the image contrasted with no image, more so with every token",
  paper: "Favero et al. 2024 (arXiv 2403.14003)",
  cost: "2 streams, the second without image tokens",
  settings: SETTINGS,
  create: m3id,
};
