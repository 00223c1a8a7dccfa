import { checkSettings, type SettingsSchema } from "../arguments/settings.js";
import type { Method } from "../engine/method.js";
import {
  DESCRIPTION_SETTINGS,
  type DescriptionOptions,
  describedView,
  describeImage,
} from "./describe-image.js";
import type { DescriptionTable, KlReduction } from "./description-table.js";
import type { MethodEntry } from "./method-entry.js";
import { keepNucleus } from "./nucleus.js";
import { applyPlausibility, BETA } from "./plausibility.js";

/** Options of {@link vdgd}. */
export interface VdgdOptions extends DescriptionOptions {
  /**
   * How a kept token k is scored. "paper": l[k] - reduce_j KL. "official": -reduce_j KL, as the authors' code does,
   * which replaces the logit. Default "paper".
   */
  readonly score?: "paper" | "official";
  /** How divergences over the description's positions are reduced. Default "min". */
  readonly reduce?: KlReduction;
  /** Which tokens are kept. "beta": p[k] >= beta max p. "nucleus": top-p 0.5 after temperature 0.5, as the authors' code. Default: "beta" for score "paper", "nucleus" for "official". */
  readonly plausibility?: "beta" | "nucleus";
  /** Share of the best token's probability that a token needs with plausibility "beta", in [0, 1]. Default 0.1. */
  readonly beta?: number;
  /**
   * The divergence's scale. "paper": KL. "official": KL / V with V the size of the vocabulary, which is what the authors'
   * call returns (`reduction="batchmean"` of one-dimensional tensors): a sampled answer is then drawn nearly uniformly
   * from the kept tokens, a greedy one is the same. Default: that of `score`.
   */
  readonly scale?: "paper" | "official";
}

const SETTINGS = {
  score: {
    type: "choice",
    choices: ["paper", "official"],
    default: "paper",
    summary: "logit - KL, or -KL alone as the authors' code",
  },
  reduce: {
    type: "choice",
    choices: ["min", "avg", "sum"],
    default: "min",
    summary: "how divergences over the description become one",
  },
  plausibility: {
    type: "choice",
    choices: ["beta", "nucleus"],
    default: null,
    summary: "which tokens are kept: by beta, or the authors' nucleus",
  },
  beta: BETA,
  scale: {
    type: "choice",
    choices: ["paper", "official"],
    default: null,
    summary: "KL, or KL / V as the authors' call returns it",
  },
  ...DESCRIPTION_SETTINGS,
} as const satisfies SettingsSchema;

/** Settings of {@link groundScores}. */
export interface GroundingSettings {
  readonly score: "paper" | "official";
  readonly reduce: KlReduction;
  readonly plausibility: "beta" | "nucleus";
  readonly beta: number;
  /** See {@link VdgdOptions.scale}; KL itself when left out. */
  readonly scale?: "paper" | "official";
}

/**
 * Visual description grounded decoding: the model first describes the image; its answer, with the description in the
 * question, then prefers tokens that the description supports.
 *
 *     KL(onehot(k) || p_j) = -ln p_j[k] over the positions j of the description
 *     scores[k] = l[k] - min_j KL ("paper"),  or -reduce_j KL ("official"),  for plausible k
 *
 * @throws InvalidArgumentError for an unknown option or a value out of range
 * @see Ghosh et al. 2025 (arXiv 2405.15683), equations 2 to 4
 */
export function vdgd(options: VdgdOptions = {}): Method {
  const given = checkSettings("vdgd", SETTINGS, options);
  const usual = given.score === "paper" ? "beta" : "nucleus";
  const settings = {
    ...given,
    plausibility: given.plausibility ?? usual,
    scale: given.scale ?? given.score,
  };
  return {
    name: "vdgd",
    settings,
    needs: { image: true, fullVocabulary: true },
    async start(run) {
      const { text, table } = await describeImage(run, settings);
      run.note("description", text);
      return {
        streams: [{ view: describedView(run.view, text, settings.order) }],
        scores: ([output]) => groundScores(output!.logits, table, settings),
      };
    },
  };
}

/**
 * Scores the plausible tokens by their grounding in a description.
 *
 * @param logits l (V), raw logits of the answer's stream; overwritten
 * @returns scores (V), -Infinity where implausible; the array `logits`
 */
export function groundScores(
  logits: Float32Array,
  table: DescriptionTable,
  { score, reduce, plausibility, beta, scale = "paper" }: GroundingSettings,
): Float32Array {
  const scores = logits;
  const unit = scale === "paper" ? 1 : 1 / logits.length;
  if (plausibility === "beta") applyPlausibility(logits, beta, scores);
  else keepNucleus(scores, { temperature: 0.5, topP: 0.5 });
  for (let k = 0; k < scores.length; k++) {
    if (scores[k] === Number.NEGATIVE_INFINITY) continue;
    const grounding = -unit * table.divergence(k, reduce);
    scores[k] = score === "paper" ? scores[k]! + grounding : grounding;
  }
  return scores;
}

/** See {@link vdgd}. */
export const VDGD: MethodEntry = {
  name: "vdgd",
  summary: "visual description grounded decoding: tokens that a description of the image supports",
  paper: "Ghosh et al. 2025 (arXiv 2405.15683)",
  cost: "1 stream, a description beforehand (once per image)",
  settings: SETTINGS,
  create: vdgd,
};
