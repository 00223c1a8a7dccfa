import type {
  LanguageModelV4CallOptions,
  LanguageModelV4Content,
  LanguageModelV4Middleware,
  LanguageModelV4StreamPart,
  SharedV4ProviderOptions,
} from "@ai-sdk/provider";
import { InvalidArgumentError } from "../errors.js";
import { checkVerifyOptions, type VerifyTextOptions } from "../objects/verify-text.js";
import {
  type FurtherCallSettings,
  imagesOf,
  isFurtherCall,
  mergedOptions,
  textOf,
} from "./ask-model.js";
import { checkVerifyObjects } from "./check-options.js";
import { verifiedStream } from "./verified-stream.js";
import { REFUSED, type VerifyMode, type VerifySettings, verifyAnswer } from "./verify-answer.js";

/** Options of {@link verifyObjects}. */
export interface VerifyObjectsOptions extends Omit<VerifyTextOptions, "known"> {
  /**
   * What becomes of an answer that names doubtful objects. "annotate": it stays, and its metadata tell of them. "rewrite": the
   * model is asked once to write it without them; what is doubtful again is dropped. "drop": the sentences that name one are
   * left out, of a single one its end. "refuse": a refusal takes its place. Default "annotate".
   */
  readonly mode?: VerifyMode;
  /** Settings of the questions about objects. Default: greedy, at most 16 tokens. */
  readonly questions?: FurtherCallSettings;
  /** Whether log-probabilities of the answers to questions are asked for, of openai, azure and groundsight, and used. Default true. */
  readonly logprobs?: boolean;
  /** How the model is asked to write an answer anew, with `{objects}` in the place of the doubtful ones. */
  readonly rewritePrompt?: string;
  /** The refusal, given the doubtful objects. */
  readonly refusal?: (objects: readonly string[]) => string;
}

/** How answers are asked for anew. */
const REWRITE_PROMPT =
  "The following may not be in the image: {objects}. Write your answer again without it, and change nothing else. Give the answer alone.";

const refuse = (objects: readonly string[]): string =>
  `I cannot answer this reliably: the image may not show what the answer would name (${objects.join(", ")}).`;

const MODES: readonly VerifyMode[] = ["annotate", "rewrite", "drop", "refuse"];

/** Likeliest tokens that are asked for, OpenAI's maximum. */
const TOP = 20;

/**
 * A middleware that verifies the answers of any model itself: finds the objects that an answer about images names (CHAIR's
 * words, and your own), asks the model about each of them on these images, once, and treats as doubtful what it denies. By
 * log-probabilities where the provider tells them, else by yes and no.
 *
 * Without an image in the prompt, and without an object in the answer, nothing is asked. Otherwise an answer costs a short
 * question for each object, at most `maxObjects`, and with "rewrite" one answer more: `providerMetadata.groundsight.verification`
 * tells how many, and the usage has their tokens. What a question throws is thrown.
 *
 * Streams: with "annotate" the text flows, and its end waits for the verdicts; otherwise the text is held back until they
 * are there. Answers in JSON (`responseFormat`) are annotated where others are rewritten or cut.
 *
 * @throws InvalidArgumentError for an unknown option or a value out of range
 */
export function verifyObjects(options: VerifyObjectsOptions = {}): LanguageModelV4Middleware {
  const settings = checkSettings(options);
  const settingsFor = (provider: string, isJson: boolean): VerifySettings => ({
    ...settings,
    mode: isJson && settings.mode !== "refuse" ? "annotate" : settings.mode,
    questions: questionSettings(settings, provider),
  });
  return {
    specificationVersion: "v4",
    async wrapGenerate({ doGenerate, params, model }) {
      const result = await doGenerate();
      const text = textOf(result);
      if (isLeftAlone(params) || text.trim() === "") return result;
      const own = settingsFor(model.provider, params.responseFormat?.type === "json");
      const verified = await verifyAnswer(model, params, { ...result, text }, own);
      const { text: told, warnings, ...ended } = verified;
      const content = told === text ? result.content : withText(result.content, told);
      return {
        ...result,
        ...ended,
        // A refusal calls no tools.
        content:
          ended.finishReason.raw === REFUSED
            ? content.filter(({ type }) => type !== "tool-call")
            : content,
        warnings: [...result.warnings, ...warnings],
      };
    },
    async wrapStream({ doStream, params, model }) {
      const { stream, ...result } = await doStream();
      if (isLeftAlone(params)) return { stream, ...result };
      const own = settingsFor(model.provider, params.responseFormat?.type === "json");
      const verified = verifiedStream(own.mode === "annotate", (answer) =>
        verifyAnswer(model, params, answer, own),
      );
      return { stream: stream.pipeThrough<LanguageModelV4StreamPart>(verified), ...result };
    },
  };
}

/** What is not verified: answers to prompts without images, and what another middleware asks. */
function isLeftAlone(params: LanguageModelV4CallOptions): boolean {
  return imagesOf(params.prompt).length === 0 || isFurtherCall(params);
}

function checkSettings({
  mode = "annotate",
  questions = {},
  logprobs = true,
  rewritePrompt = REWRITE_PROMPT,
  refusal = refuse,
  ...text
}: VerifyObjectsOptions): VerifySettings {
  if (!MODES.includes(mode)) {
    throw new InvalidArgumentError(
      `mode: received '${String(mode).slice(0, 80)}'; expected one of ${MODES.join(", ")}`,
    );
  }
  checkVerifyObjects({ questions, logprobs, rewritePrompt, refusal });
  return {
    mode,
    questions,
    logprobs,
    rewritePrompt,
    refusal,
    text: checkVerifyOptions(text, "verifyObjects has no option"),
  };
}

/** Settings of questions, with log-probabilities where the provider is known to tell them. */
function questionSettings(
  { questions, logprobs }: VerifySettings,
  provider: string,
): FurtherCallSettings {
  const [key = ""] = provider.split(".");
  const asking: SharedV4ProviderOptions = !logprobs
    ? {}
    : provider === "groundsight"
      ? { groundsight: { logprobs: TOP, evidence: false, verify: false } }
      : key === "openai" || key === "azure"
        ? { openai: { logprobs: TOP }, ...(key === "azure" && { azure: { logprobs: TOP } }) }
        : {};
  return {
    maxOutputTokens: 16,
    ...questions,
    providerOptions: mergedOptions(asking, questions.providerOptions),
  };
}

/** Content with another text: in the place of its first text. */
function withText(
  content: readonly LanguageModelV4Content[],
  text: string,
): LanguageModelV4Content[] {
  const first = content.findIndex(({ type }) => type === "text");
  return content.flatMap((part, i) => {
    if (part.type !== "text") return part;
    return i === first && text !== "" ? { ...part, text } : [];
  });
}
