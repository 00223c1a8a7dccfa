import { AbortedError, GroundsightError, type GroundsightErrorCode } from "../../errors.js";
import type { Answer, GenerateRequest, Model } from "../../index.js";
import type { YesNoTokens } from "../../objects/yes-no-tokens.js";
import type { Question } from "../contract/benchmark.js";
import { sha256 } from "../data/sha-256.js";
import type { Asking } from "./asking.js";
import { observationsOf, observed } from "./observed-method.js";
import { methodOf } from "./plan-series.js";
import type { Answerer, AnswerRequest, GivenAnswer } from "./run-evaluation.js";

/** How a model is asked. */
export interface ModelAnswererOptions extends Omit<Asking, "isYesNo"> {
  /** What the answer to a question is looked at for, where that is yes or no; null for other questions. */
  readonly yesNoTokens: (question: Question) => YesNoTokens | null;
}

/** Precisions whose graphs scale activations over a whole batch. */
const SCALED_OVER_BATCH: readonly string[] = ["q8", "int8", "uint8"];

/** True when an answer of a model depends on what is decoded beside it. */
export function dependsOnBatch({ info }: Model): boolean {
  // Of several precisions each stands behind its graph's name.
  return info.dtype.split(/[,=]/).some((dtype) => SCALED_OVER_BATCH.includes(dtype));
}

/** Errors of one question. With any other, or with an error of unknown kind, nothing could be answered. */
const OF_ONE_QUESTION: readonly GroundsightErrorCode[] = [
  "DATASET",
  "INFERENCE",
  "INVALID_ARGUMENT",
  "SHAPE",
];

/**
 * Lets a loaded model answer the questions of an evaluation, a batch at a time. An image that cannot be
 * read, or an answer that fails, is told and harms no other.
 */
export function modelAnswerer(model: Model, options: ModelAnswererOptions): Answerer {
  return async (requests, onAnswer, signal) => {
    if (signal.aborted) throw new AbortedError("the run was stopped");
    const results = await model.generateSettled(
      requests.map((request) => generateRequest(request, options, signal)),
      {
        onAnswer: (answer, index) => onAnswer(givenAnswer(answer), index),
      },
    );
    const failed = results.flatMap((result, index) =>
      result.status === "rejected" ? [{ error: result.reason as unknown, index }] : [],
    );
    const fatal = failed.find(({ error }) => !isOfOneQuestion(error));
    if (fatal !== undefined) throw fatal.error;
    for (const { error, index } of failed) onAnswer({ error: (error as Error).message }, index);
  };
}

function givenAnswer({ text, timings, usage, finishReason, details }: Answer): GivenAnswer {
  return {
    text,
    ms: timings.totalMs,
    decodeMs: timings.decodeMs,
    tokens: usage.generatedTokens,
    seen: {
      ...(finishReason === "length" ? { finish: "length" } : {}),
      ...observationsOf(details),
    },
  };
}

function isOfOneQuestion(error: unknown): boolean {
  return GroundsightError.isInstance(error) && OF_ONE_QUESTION.includes(error.code);
}

function generateRequest(
  request: AnswerRequest,
  { methods, imagePath, promptSuffix, temperature, topP, yesNoTokens }: ModelAnswererOptions,
  signal: AbortSignal,
): GenerateRequest {
  const { question, series, maxTokens } = request;
  const image = imagePath(request);
  const sampled = series.seed !== null;
  const greedy = !sampled || temperature === 0;
  return {
    prompt: question.prompt + promptSuffix,
    ...(image === null ? {} : { image }),
    method: observed(methodOf(methods, series.method), { tokens: yesNoTokens(question), greedy }),
    maxTokens,
    temperature: sampled ? temperature : 0,
    ...(sampled && topP < 1 ? { topP } : {}),
    seed: requestSeed(series.seed ?? series.draw ?? 0, question.image ?? question.id),
    signal,
  };
}

/**
 * A seed for one image under one seed of the run: with the run's seed alone all images would share one
 * noise pattern and the same draws, and their answers would not be independent. Questions about one image
 * share it, so that its distorted variant is encoded once; the bootstrap draws whole images.
 *
 * @returns integer in [0, 2^48)
 */
export function requestSeed(seed: number, image: string): number {
  return Number.parseInt(sha256(`${seed}\n${image}`).slice(0, 12), 16);
}
