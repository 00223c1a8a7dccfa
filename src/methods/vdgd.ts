import type { Method } from "../engine/method.js";
import { InvalidArgumentError } from "../errors.js";
import { checkOptions } from "./check-options.js";
import {
  DESCRIPTION_OPTIONS,
  type DescriptionOptions,
  describedPrompt,
  describeImage,
  descriptionSettings,
} from "./describe-image.js";
import type { DescriptionTable, KlReduction } from "./description-table.js";
import { keepNucleus } from "./nucleus.js";
import { applyPlausibility, checkBeta } from "./plausibility.js";

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
}

const SCORES = ["paper", "official"] as const;
const REDUCTIONS = ["min", "avg", "sum"] as const;
const PLAUSIBILITIES = ["beta", "nucleus"] as const;

/** Settings of {@link groundScores}. */
export interface GroundingSettings {
  readonly score: "paper" | "official";
  readonly reduce: KlReduction;
  readonly plausibility: "beta" | "nucleus";
  readonly beta: number;
}

/**
 * Visual description grounded decoding: the model first describes the image; its answer, with the description before
 * the question, then prefers tokens that the description supports.
 *
 *     KL(onehot(k) || p_j) = -ln p_j[k] over the positions j of the description
 *     scores[k] = l[k] - min_j KL ("paper"),  or -reduce_j KL ("official"),  for plausible k
 *
 * @throws InvalidArgumentError for an unknown option or a value out of range
 * @see Ghosh et al. 2025 (arXiv 2405.15683), equations 2 to 4
 */
export function vdgd(options: VdgdOptions = {}): Method {
  checkOptions("vdgd", options, [
    "score",
    "reduce",
    "plausibility",
    "beta",
    ...DESCRIPTION_OPTIONS,
  ]);
  const score = oneOf("score", options.score ?? "paper", SCORES);
  const reduce = oneOf("reduce", options.reduce ?? "min", REDUCTIONS);
  const usual = score === "paper" ? "beta" : "nucleus";
  const plausibility = oneOf("plausibility", options.plausibility ?? usual, PLAUSIBILITIES);
  const beta = checkBeta(options.beta ?? 0.1);
  const settings = { score, reduce, plausibility, beta, ...descriptionSettings(options) };
  return {
    name: "vdgd",
    settings,
    needs: ["image"],
    async start(run) {
      const { text, table } = await describeImage(run, settings);
      run.note("description", text);
      return {
        streams: [{ image: run.image, prompt: describedPrompt(text, run.prompt) }],
        scores: ([logits]) => groundScores(logits!, table, settings),
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
  { score, reduce, plausibility, beta }: GroundingSettings,
): Float32Array {
  const scores = logits;
  if (plausibility === "beta") applyPlausibility(logits, beta, scores);
  else keepNucleus(scores, { temperature: 0.5, topP: 0.5 });
  for (let k = 0; k < scores.length; k++) {
    if (scores[k] === Number.NEGATIVE_INFINITY) continue;
    const grounding = -table.divergence(k, reduce);
    scores[k] = score === "paper" ? scores[k]! + grounding : grounding;
  }
  return scores;
}

function oneOf<T extends string>(name: string, value: string, allowed: readonly T[]): T {
  const known = allowed.find((other) => other === value);
  if (known !== undefined) return known;
  throw new InvalidArgumentError(
    `${name}: received '${value}'; expected one of ${allowed.join(", ")}`,
  );
}
