import { createHash } from "node:crypto";
import { AbortedError } from "../../errors.js";
import type { GenerateRequest, Model } from "../../index.js";
import type { Answerer, AnswerRequest } from "./run-evaluation.js";
import type { RunMethod } from "./run-method.js";

/** How a model is asked. */
export interface ModelAnswererOptions {
  /** Methods by their name within the run. */
  readonly methods: ReadonlyMap<string, RunMethod>;
  /** Where a question's image lies; null when it has none. */
  readonly imagePath: (request: AnswerRequest) => string | null;
  readonly promptSuffix: string;
  /** For series with a seed; greedy series have 0. */
  readonly temperature: number;
  readonly topP: number;
}

/**
 * Lets a loaded model, or a steered handle of it, answer the questions of an evaluation, a batch at a
 * time. The requests of a batch belong to one series.
 */
export function modelAnswerer(model: Model, options: ModelAnswererOptions): Answerer {
  return async (requests, onAnswer, signal) => {
    if (signal.aborted) throw new AbortedError("the run was stopped");
    const own = options.methods.get(requests[0]?.series.method ?? "")?.model ?? model;
    await own.generateBatch(
      requests.map((request) => generateRequest(request, options, signal)),
      {
        onAnswer: ({ text, timings, usage }, index) =>
          onAnswer({ text, ms: timings.totalMs, tokens: usage.generatedTokens }, index),
      },
    );
  };
}

function generateRequest(
  request: AnswerRequest,
  { methods, imagePath, promptSuffix, temperature, topP }: ModelAnswererOptions,
  signal: AbortSignal,
): GenerateRequest {
  const { question, series, maxTokens } = request;
  const method = methods.get(series.method)?.method;
  const image = imagePath(request);
  const sampled = series.seed !== null;
  return {
    prompt: question.prompt + promptSuffix,
    ...(image === null ? {} : { image }),
    ...(method === undefined ? {} : { method }),
    maxTokens,
    temperature: sampled ? temperature : 0,
    ...(sampled && topP < 1 ? { topP } : {}),
    seed: requestSeed(series.seed ?? 0, question.image ?? question.id),
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
  return createHash("sha256").update(`${seed}\n${image}`).digest().readUIntBE(0, 6);
}
