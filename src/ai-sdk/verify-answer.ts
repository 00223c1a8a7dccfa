/** One answer's verification: what is asked about it, and what becomes of it. */
import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4FinishReason,
  LanguageModelV4Usage,
  SharedV4ProviderMetadata,
  SharedV4Warning,
} from "@ai-sdk/provider";
import {
  type AskAboutObject,
  doubtfulMentions,
  dropDoubtful,
  isUnclear,
  type ObjectVerdict,
  type VerifiedText,
  type VerifyTextOptions,
  verifyText,
} from "../objects/verify-text.js";
import { addUsage, askAboutImages, type FurtherCallSettings, textOf } from "./ask-model.js";
import { UNKNOWN_USAGE } from "./chat-result.js";
import { likeliestFirst } from "./first-token.js";
import { withMetadata } from "./with-metadata.js";

/** What becomes of answers with doubtful objects. */
export type VerifyMode = "annotate" | "rewrite" | "drop" | "refuse";

/** An object that the answer names: offsets of UTF-16 units in its text, the end exclusive. */
export interface VerifiedObject extends Partial<ObjectVerdict> {
  /** The word used, in its base form. */
  readonly word: string;
  readonly object: string;
  readonly start: number;
  readonly end: number;
}

/** `providerMetadata.groundsight.verification`. */
export interface Verification {
  readonly mode: VerifyMode;
  /** What became of the text: "shortened" where something was left out of what the model had written, at first or again. */
  readonly outcome: "unchanged" | "rewritten" | "shortened" | "refused";
  /** All objects that the text names; those of the withheld one where it was refused. Without a verdict where not asked about. */
  readonly objects: readonly VerifiedObject[];
  /** Those of them that are doubtful. */
  readonly doubtful: readonly VerifiedObject[];
  /** Objects that were not asked about, for `maxObjects`. */
  readonly unasked: readonly string[];
  /** Objects of which the model said neither yes nor no, when asked: they count as not doubtful. */
  readonly unclear: readonly string[];
  /** What the model had said at first, where it was changed or withheld. */
  readonly draft?: string;
  /** Sentences that were left out. */
  readonly dropped?: readonly string[];
  /** The end of the only sentence, which was left out from its first doubtful phrase on. */
  readonly cut?: string;
  /** The sentence that is doubtful and stays, where there is no other. */
  readonly left?: string;
  /** Calls besides the wrapped one. */
  readonly calls: { readonly questions: number; readonly rewrites: number };
  /** Tokens of these calls, where the provider tells them; they are in the usage, too. */
  readonly tokens: { readonly input: number | undefined; readonly output: number | undefined };
}

/** How answers are verified. */
export interface VerifySettings {
  readonly mode: VerifyMode;
  readonly text: Required<VerifyTextOptions>;
  readonly questions: FurtherCallSettings;
  readonly logprobs: boolean;
  readonly rewritePrompt: string;
  readonly refusal: (objects: readonly string[]) => string;
}

/** What was answered. */
export interface GivenAnswer {
  readonly text: string;
  readonly finishReason: LanguageModelV4FinishReason;
  readonly usage: LanguageModelV4Usage;
  readonly providerMetadata?: SharedV4ProviderMetadata;
}

/** An answer that was verified. */
export interface VerifiedAnswer extends Required<GivenAnswer> {
  readonly warnings: SharedV4Warning[];
}

/** Why a refusal ended, in our words. */
export const REFUSED = "doubtful-objects";

/** A text with what it was verified by, and what was left out of it. */
interface Settled extends Pick<Verification, "dropped" | "cut" | "left"> {
  readonly verified: VerifiedText;
}

/** Asks about an answer's objects, and does with it what the mode says. */
export async function verifyAnswer(
  model: LanguageModelV4,
  params: LanguageModelV4CallOptions,
  answer: GivenAnswer,
  { mode, text: options, questions, logprobs, rewritePrompt, refusal }: VerifySettings,
): Promise<VerifiedAnswer> {
  let further = UNKNOWN_USAGE;
  const calls = { questions: 0, rewrites: 0 };
  const ask: AskAboutObject = async (question) => {
    calls.questions++;
    const result = await askAboutImages(model, params, question, questions);
    further = addUsage(further, result.usage);
    const likeliest = logprobs ? likeliestFirst(result.providerMetadata) : undefined;
    return { text: textOf(result), likeliest };
  };
  const verify = (text: string, known: readonly ObjectVerdict[]) =>
    verifyText(text, ask, { ...options, maxObjects: options.maxObjects - calls.questions, known });
  const settle = async (verified: VerifiedText): Promise<Settled> => {
    if (doubtfulMentions(verified).length === 0) return { verified };
    const { text, ...facts } = dropDoubtful(verified);
    // What it still names is known already.
    const again = await verifyText(text, ask, {
      ...options,
      maxObjects: 0,
      known: verified.verdicts,
    });
    return { verified: { ...again, unasked: verified.unasked }, ...facts };
  };

  const first = await verify(answer.text, []);
  const doubted = [...new Set(doubtfulMentions(first).map(({ object }) => object))];
  let settled: Settled = { verified: first };
  let ended: Pick<GivenAnswer, "finishReason" | "providerMetadata"> = answer;
  let outcome: Verification["outcome"] = "unchanged";
  if (doubted.length > 0 && mode === "refuse") outcome = "refused";
  else if (doubted.length > 0 && mode !== "annotate") {
    settled = await settle(first);
    outcome = "shortened";
    if (mode === "rewrite") {
      calls.rewrites++;
      const result = await model.doGenerate(
        rewriteCall(params, answer.text, rewritePrompt, doubted),
      );
      further = addUsage(further, result.usage);
      const text = textOf(result).trim();
      const rewritten = text === "" ? undefined : await verify(text, first.verdicts);
      const other = rewritten && (await settle(rewritten));
      if (
        other &&
        isAskedAbout(other.verified, first) &&
        isNoWorse(other.verified, settled.verified, count(first, false) / 2)
      ) {
        settled = other;
        ended = result;
        outcome = other.dropped === undefined ? "rewritten" : "shortened";
      }
    }
  }
  const { verified, ...facts } = settled;
  const objects = verified.mentions.map(({ verdict, ...mention }) => ({ ...mention, ...verdict }));
  const told: Verification = {
    mode,
    outcome,
    objects,
    doubtful: objects.filter(({ doubtful }) => doubtful),
    unasked: verified.unasked,
    unclear: unclearIn(verified),
    ...(outcome === "unchanged" ? {} : { draft: answer.text }),
    ...facts,
    calls,
    tokens: { input: further.inputTokens.total, output: further.outputTokens.total },
  };
  const { providerMetadata = {} } = ended;
  return {
    text: outcome === "refused" ? refusal(doubted) : verified.text,
    finishReason:
      outcome === "refused" ? { unified: "content-filter", raw: REFUSED } : ended.finishReason,
    usage: addUsage(answer.usage, further),
    providerMetadata: withMetadata(
      outcome === "unchanged" ? providerMetadata : withoutPlaces(providerMetadata),
      { verification: told },
    ),
    warnings: warningsOn(first),
  };
}

function unclearIn({ verdicts }: VerifiedText): string[] {
  return verdicts.filter(isUnclear).map(({ object }) => object);
}

/** Where no question was answered, nothing was verified, which a reader of the answer alone would not see. */
function warningsOn(verified: VerifiedText): SharedV4Warning[] {
  const { length } = unclearIn(verified);
  if (length === 0 || length < verified.verdicts.length) return [];
  return [
    {
      type: "other",
      message: `verifyObjects: nothing was verified: the model answered none of ${length} questions by yes or no; models that reason need more than 16 tokens (questions: { maxOutputTokens: 500 }), and answers are read in English`,
    },
  ];
}

/** Whether of a text that was written anew more is verified than is new and was not asked about. */
function isAskedAbout(rewritten: VerifiedText, first: VerifiedText): boolean {
  const fresh = rewritten.unasked.filter((object) => !first.unasked.includes(object));
  return fresh.length <= count(rewritten, false);
}

/** The wrapped call with the request to leave out what is doubtful; tools are not offered. */
function rewriteCall(
  { tools: _, toolChoice: __, ...params }: LanguageModelV4CallOptions,
  text: string,
  rewritePrompt: string,
  objects: readonly string[],
): LanguageModelV4CallOptions {
  const request = rewritePrompt.replaceAll("{objects}", () => objects.join(", "));
  return {
    ...params,
    prompt: [
      ...params.prompt,
      { role: "assistant", content: [{ type: "text", text }] },
      { role: "user", content: [{ type: "text", text: request }] },
    ],
  };
}

/**
 * Whether a text names fewer doubtful objects than another, or as many, and no fewer others.
 *
 * @param least others that it has to name: what says nothing is no answer written anew
 */
function isNoWorse(one: VerifiedText, other: VerifiedText, least: number): boolean {
  const doubts = count(one, true) - count(other, true);
  const others = count(one, false);
  return others >= least && (doubts < 0 || (doubts === 0 && others >= count(other, false)));
}

function count({ verdicts }: VerifiedText, doubtful: boolean): number {
  return verdicts.filter((verdict) => verdict.doubtful === doubtful).length;
}

/** Metadata that tells of places in a text, which was changed. */
const OF_PLACES = ["logprobs", "evidence", "phrases", "doubtful"];

function withoutPlaces(metadata: SharedV4ProviderMetadata): SharedV4ProviderMetadata {
  return Object.fromEntries(
    Object.entries(metadata).map(([provider, told]) => [
      provider,
      Object.fromEntries(Object.entries(told).filter(([name]) => !OF_PLACES.includes(name))),
    ]),
  );
}
