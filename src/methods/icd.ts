import { checkSettings, type SettingsSchema } from "../arguments/settings.js";
import type { Method } from "../engine/method.js";
import { mapQuestion, type View, type ViewPart } from "../engine/view.js";
import { ALPHA, contrastSession } from "./contrast.js";
import type { MethodEntry } from "./method-entry.js";
import { BETA } from "./plausibility.js";

/** Options of {@link icd}. */
export interface IcdOptions {
  /** Strength of the contrast, at least 0. Default 1. */
  readonly alpha?: number;
  /** Share of the best token's probability that a token needs, in [0, 1]. Default 0.1. */
  readonly beta?: number;
  /** The words that disturb the second stream. Default: those of a confused objects detector. */
  readonly disturbance?: string;
  /**
   * Where they stand: in front of the last question as in the paper ("question"), or as the system's turn, instead of one
   * that is there, as in Yin et al.'s copy ("system"; refused by chat templates without such turns). Default "question".
   */
  readonly place?: "question" | "system";
}

const SETTINGS = {
  alpha: ALPHA,
  beta: BETA,
  disturbance: {
    type: "text",
    default:
      "You are a confused objects detector to provide a fuzzy overview or impression of the image.",
    summary: "the words that disturb the second stream",
  },
  place: {
    type: "choice",
    choices: ["question", "system"],
    default: "question",
    summary: "where the disturbing words stand",
  },
} as const satisfies SettingsSchema;

/**
 * Instruction contrastive decoding: prefers what the question brings forth over what a disturbed one does.
 * Two streams: the conversation x, and the same images with disturbing words d in front of the question.
 *
 *     scores = (1 + alpha) l(x) - alpha l(d x),  kept where l(x)[y] >= ln(beta) + max l(x)
 *
 * @throws InvalidArgumentError for an unknown option or a value out of range
 * @see Wang et al. 2024 (arXiv 2403.18715)
 */
export function icd(options: IcdOptions = {}): Method {
  const settings = checkSettings("icd", SETTINGS, options);
  const { alpha, beta, disturbance, place } = settings;
  const disturb = place === "system" ? toldBySystem : askedWith;
  return {
    name: "icd",
    settings,
    needs: { image: true },
    start: ({ view }) => contrastSession(view, [disturb(view, disturbance)], alpha, beta),
  };
}

/** The view with words in front of the last question's text, a blank between. */
function askedWith(view: View, words: string): View {
  return mapQuestion(view, (parts) => {
    const first = parts.findIndex(({ type }) => type === "text");
    if (first < 0) return [...parts, { type: "text", text: words }];
    return parts.map(
      (part, i): ViewPart =>
        i === first && part.type === "text" ? { ...part, text: `${words} ${part.text}` } : part,
    );
  });
}

function toldBySystem(view: View, words: string): View {
  const others = view.filter(({ role }) => role !== "system");
  return [{ role: "system", parts: [{ type: "text", text: words }] }, ...others];
}

/** See {@link icd}. */
export const ICD: MethodEntry = {
  name: "icd",
  summary: "instruction contrastive decoding against a disturbed question",
  paper: "Wang et al. 2024 (arXiv 2403.18715)",
  cost: "2 streams",
  settings: SETTINGS,
  create: icd,
};
