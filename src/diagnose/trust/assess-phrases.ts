import { ELEMENT_PROMPT, WORDING } from "../../objects/ask-about.js";
import type { PhraseEvidence, TokenEvidence } from "../contract/explanation.js";
import {
  type AssessedAnswer,
  type AssessedPhrases,
  imagesOf,
} from "../evidence/explain-request.js";
import { sigmoid } from "../statistics/logistic-regression.js";
import { type Contribution, calibratedTrust, type TrustCalibration } from "./calibration.js";
import { type FoundPhrase, phraseFinder } from "./find-phrases.js";
import { middleLayers } from "./image-attention.js";
import { POCKET_CALIBRATION } from "./pocket-calibration.js";
import { readSignals } from "./read-signals.js";
import { checkSignals, SIGNAL_NAMES, SIGNALS, type SignalName, type Signals } from "./signals.js";
import type { TrustOptions } from "./trust-options.js";

/** Calibrations that come with the package. */
const CALIBRATIONS: readonly TrustCalibration[] = [POCKET_CALIBRATION];
/** Reasons that are told, at most. */
const REASONS = 3;

/**
 * Assesses the phrases of an answer: a value for `assess` of `explainAnswer`.
 *
 * @throws InvalidArgumentError for options that cannot be meant
 */
export function assessTrust(
  options: TrustOptions = {},
): (answer: AssessedAnswer) => Promise<AssessedPhrases> {
  const find = phraseFinder(options);
  return (answer) => assessPhrases(answer, find(answer.explanation.answer), options);
}

/**
 * Assesses phrases that were found in an answer.
 *
 * @param phrases with offsets in `answer.explanation.answer`
 */
export async function assessPhrases(
  { model, request, explanation }: AssessedAnswer,
  phrases: readonly FoundPhrase[],
  options: TrustOptions,
): Promise<AssessedPhrases> {
  checkSignals(options.signals ?? []);
  const [image, ...others] = imagesOf(request);
  if (phrases.length === 0 || image === undefined) return { phrases: [], warnings: [] };
  if (others.length > 0) {
    const warning =
      "trust: phrases are not assessed where a question has several images, since any of them may show what is named";
    return { phrases: [], warnings: [warning] };
  }
  const { calibration = shippedCalibration(explanation.model.hash) } = options;
  const wording = options.wording ?? calibration?.wording ?? WORDING;
  const placed = phrases.map((phrase) => ({
    ...phrase,
    tokens: tokensOf(phrase, explanation.tokens),
  }));
  const { answer: _, maxTokens: __, ...question } = request;
  const tokens = explanation.tokens.map(({ id }) => id);
  const { signals, warnings } = await readSignals(
    { model, image, request: { ...question, answer: tokens }, explanation },
    placed,
    {
      names: namesOf(calibration, options.signals ?? []),
      wording,
      elementPrompt: options.elementPrompt ?? calibration?.elementPrompt ?? ELEMENT_PROMPT,
      attentionLayers: options.attentionLayers ?? middleLayers(model.info.layers),
      lensLayers: options.lensLayers,
    },
  );
  return {
    phrases: placed.map(({ text, start, end, object, tokens }, i) => ({
      ...{ text, start, end, kind: "object" as const, tokens, object },
      ...judged(signals[i]!, object, calibration),
    })),
    warnings: [...warnings, ...unlikeness(calibration, explanation, wording, options)],
  };
}

/** The calibration that comes with the package for exactly these weights and graphs; null where there is none. */
export function shippedCalibration(hash: string): TrustCalibration | null {
  return CALIBRATIONS.find(({ model }) => model.hash === hash) ?? null;
}

/** What is read of phrases: the signals of a calibration, and those that are asked for. */
export function namesOf(
  calibration: TrustCalibration | null,
  more: readonly SignalName[],
): readonly SignalName[] {
  const own = calibration?.signals.map(({ name }) => name) ?? ["verification"];
  const wanted = new Set([...own, ...more]);
  return SIGNAL_NAMES.filter((name) => wanted.has(name));
}

/** What differs from what a calibration was fitted for. */
function unlikeness(
  calibration: TrustCalibration | null,
  { model, settings, base }: AssessedAnswer["explanation"],
  wording: string,
  { elementPrompt }: TrustOptions,
): string[] {
  if (calibration === null) {
    return [
      `trust: there is no calibration for ${model.id}: it is the model's own share of yes, and phrases are doubtful where it says no; fit one with "groundsight diagnose trust --fit"`,
    ];
  }
  const differing = [
    calibration.model.hash === model.hash ? [] : `model ${calibration.model.id}`,
    calibration.wording === wording ? [] : `wording ${JSON.stringify(calibration.wording)}`,
    (elementPrompt ?? calibration.elementPrompt) === calibration.elementPrompt
      ? []
      : `element prompt ${JSON.stringify(calibration.elementPrompt)}`,
    calibration.noiseStep === settings.noiseStep ? [] : `noise step ${calibration.noiseStep}`,
  ].flat();
  const needsBase = calibration.signals.some(({ name }) => name === "baseRank");
  return [
    ...(differing.length === 0
      ? []
      : [
          `trust: the calibration was fitted with ${differing.join(", ")}; its figures may not hold`,
        ]),
    ...(needsBase && base?.kind !== "base-llm"
      ? ["trust: the calibration counts base ranks, which count as average without a base LLM"]
      : []),
  ];
}

function judged(
  signals: Signals,
  object: string,
  calibration: TrustCalibration | null,
): Pick<PhraseEvidence, "trust" | "signals" | "doubtful" | "reasons"> {
  const told = { signals: signals as PhraseEvidence["signals"] };
  if (calibration !== null) {
    const { trust, contributions } = calibratedTrust(calibration, signals);
    const doubtful = trust < calibration.threshold;
    return {
      ...told,
      trust,
      doubtful,
      reasons: doubtful ? reasons(contributions, signals, object) : [],
    };
  }
  const no = signals.verification ?? null;
  if (no === null) return { ...told, trust: null, doubtful: false, reasons: [] };
  const doubtful = no > 0;
  return {
    ...told,
    trust: sigmoid(-no),
    doubtful,
    reasons: doubtful ? [SIGNALS.verification.reason(no, object)] : [],
  };
}

/** What speaks most against a phrase, in words. */
function reasons(
  contributions: readonly Contribution[],
  signals: Signals,
  object: string,
): string[] {
  const against = [...contributions]
    .filter(({ name, isPlain }) => isPlain && typeof signals[name] === "number")
    .sort((a, b) => a.logOdds - b.logOdds);
  const strong = against.filter(({ logOdds }) => logOdds < -0.5);
  const told = strong.length > 0 ? strong.slice(0, REASONS) : against.slice(0, 1);
  return told.map(({ name }) => SIGNALS[name].reason(signals[name]!, object));
}

/** The tokens that a phrase has a part in. */
function tokensOf(
  { start, end }: FoundPhrase,
  tokens: readonly TokenEvidence[],
): readonly [number, number] {
  const first = tokens.findIndex((token) => token.end > start && token.start < end);
  if (first < 0) return [0, 0];
  const last = tokens.findLastIndex((token) => token.start < end && token.end > start);
  return [first, last + 1];
}
