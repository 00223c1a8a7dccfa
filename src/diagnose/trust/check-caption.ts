import pLimit from "p-limit";
import {
  decodeImage,
  GroundsightError,
  type ImageSource,
  InvalidArgumentError,
  type Model,
} from "../../index.js";
import type { Explanation, PhraseEvidence } from "../contract/explanation.js";
import { explainAnswer } from "../evidence/explain-answer.js";
import type { ExplainOptions } from "../evidence/explain-request.js";
import { assessPhrases, namesOf, shippedCalibration } from "./assess-phrases.js";
import { type FoundPhrase, phraseFinder } from "./find-phrases.js";
import { checkSignals } from "./signals.js";
import type { TrustOptions } from "./trust-options.js";

/** How a caption is checked. */
export interface CheckOptions extends TrustOptions, Pick<ExplainOptions, "noiseStep"> {
  /** What the caption answers. Default "Describe the image." */
  readonly question?: string;
  /** Where base ranks are to count: the base LLM (`loadTextModel`). Default none. */
  readonly base?: Exclude<ExplainOptions["base"], "self">;
  /** Fixes the noise on the image. Default 0. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
}

/** A caption with its image. */
export interface CaptionToCheck {
  readonly image: ImageSource;
  readonly caption: string;
}

/** What is told of a caption. The JSON of `groundsight check`. */
export interface CaptionCheck {
  readonly schemaVersion: 1;
  readonly model: Explanation["model"];
  readonly caption: string;
  readonly question: string;
  /** The phrases that are better not shown, with reasons in words; offsets are of UTF-16 units in the caption. */
  readonly doubtful: readonly PhraseEvidence[];
  /** All phrases that were found. */
  readonly phrases: readonly PhraseEvidence[];
  /** What could not be told, and why. */
  readonly warnings: readonly string[];
}

/** Captions that are read at a time. */
const AT_ONCE = 4;

/**
 * Says which words of a caption to doubt, and why.
 *
 * Objects are found by CHAIR's rule, or phrases of one's own by an option; of each it is told how likely it is to be in
 * the image, by a combination of signals that is fitted for the model, or where there is none by asking the model back.
 * Only what the combination counts, or `signals` asks for, is read: of the caption one pass, which tells its tokens, and
 * one more each under noise, without the image and by the base LLM where these are among them.
 *
 * @throws InvalidArgumentError for captions without text and options that cannot be meant
 * @throws UnsupportedCapabilityError through a worker, and for models that do not tell all logits
 * @throws DatasetError when the image cannot be read; InferenceError, AbortedError as `Model.read`
 *
 * @example
 * ```ts
 * import { load } from "groundsight";
 * import { checkCaption } from "groundsight/diagnose";
 *
 * await using model = await load("pocket");
 * const { doubtful } = await checkCaption(model, "photo.jpg", "A dog sits beside a fork.");
 * for (const { text, reasons } of doubtful) console.log(text, reasons);
 * ```
 */
export async function checkCaption(
  model: Model,
  image: ImageSource,
  caption: string,
  options: CheckOptions = {},
): Promise<CaptionCheck> {
  const { question = "Describe the image.", base = null, noiseStep, seed, signal } = options;
  if (typeof caption !== "string" || caption.trim() === "") {
    throw new InvalidArgumentError(
      `caption: received ${JSON.stringify(caption)}; expected a text that describes the image`,
    );
  }
  const find = phraseFinder(options);
  const found = find(caption);
  const { id, dtype } = model.info;
  const hash = await model.hash();
  const { calibration = shippedCalibration(hash), signals = [] } = options;
  checkSignals(signals);
  const names = namesOf(calibration, signals);
  const told = {
    schemaVersion: 1,
    model: { id, dtype, hash },
    caption,
    question,
  } as const;
  if (found.length === 0) {
    const what = options.phrases === undefined ? "object that is known" : "phrase of those given";
    return { ...told, doubtful: [], phrases: [], warnings: [`the caption names no ${what}`] };
  }
  const { phrases, warnings } = await explainAnswer(
    model,
    {
      // Decoded once for all that is asked about it.
      image: await decodeImage(image),
      prompt: question,
      answer: caption,
      ...(seed === undefined ? {} : { seed }),
      ...(signal === undefined ? {} : { signal }),
    },
    {
      base: names.includes("baseRank") ? base : null,
      views: (["distorted", "imageless"] as const).filter((view) => names.includes(view)),
      top: 0,
      ...(noiseStep === undefined ? {} : { noiseStep }),
      assess: (answer) =>
        assessPhrases(answer, inAnswer(found, find(answer.explanation.answer)), options),
    },
  );
  const placed = phrases.map((phrase, i) => {
    const { start, end, text } = found[i]!;
    return { ...phrase, start, end, text };
  });
  return {
    ...told,
    doubtful: placed.filter(({ doubtful }) => doubtful),
    phrases: placed,
    warnings,
  };
}

/**
 * Checks many captions, some at a time; see {@link checkCaption}.
 *
 * @throws what the first caption that could not be checked made it throw, naming its number
 */
export async function checkCaptions(
  model: Model,
  captions: readonly CaptionToCheck[],
  options: CheckOptions = {},
): Promise<CaptionCheck[]> {
  const limit = pLimit(AT_ONCE);
  return Promise.all(
    captions.map((one, i) =>
      limit(() =>
        checkCaption(model, one.image, one.caption, options).catch((error: unknown) => {
          if (GroundsightError.isInstance(error))
            error.message = `captions[${i}]: ${error.message}`;
          throw error;
        }),
      ),
    ),
  );
}

/**
 * The phrases as they stand in the answer that was read, which is the caption without white space at its ends and, with
 * some tokenizers, in another normal form. What is not found there has no tokens.
 */
function inAnswer(
  found: readonly FoundPhrase[],
  read: readonly FoundPhrase[],
): readonly FoundPhrase[] {
  const isSame =
    found.length === read.length && found.every(({ object }, i) => object === read[i]!.object);
  return isSame ? read : found.map((phrase) => ({ ...phrase, start: -1, end: -1 }));
}
