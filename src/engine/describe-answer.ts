import type { Answer } from "./answer.js";
import type { JsonValue } from "./json-value.js";
import type { ModelInfo } from "./model-info.js";
import type { RequestOptions } from "./request-options.js";
import type { Sequence } from "./sequence.js";

/** What was asked, and the clock. */
interface AnsweredJob {
  readonly options: RequestOptions;
  readonly startedAt: number;
  readonly details: Record<string, JsonValue>;
  /** Time spent on opening its images, and on encoding those that were not cached. */
  readonly openMs: number;
  readonly encodeMs: number;
}

/** A sequence that is done as its answer. @throws what made it fail */
export function describeAnswer(job: AnsweredJob, sequence: Sequence, info: ModelInfo): Answer {
  const { id, dtype, adapter, device } = info;
  const { finishReason, tokens, endedAt, firstLogitsAt } = sequence;
  const [prompt] = sequence.prompts;
  const decodeMs = endedAt - firstLogitsAt;
  const imageMs = job.encodeMs === 0 ? 0 : job.openMs + job.encodeMs;
  const { method, seed, sampler, maxTokens, stop, repetitionPenalty } = job.options;
  const { name, settings } = method;
  return {
    text: sequence.text,
    tokens,
    finishReason,
    usage: {
      promptTokens: prompt!.tokens.length,
      imageTokens: prompt!.imageTokens,
      generatedTokens: tokens.length,
    },
    timings: {
      imageMs,
      prefillMs: firstLogitsAt - job.startedAt - imageMs,
      decodeMs,
      msPerToken: tokens.length < 2 ? null : decodeMs / (tokens.length - 1),
      totalMs: endedAt - job.startedAt,
    },
    method: { name, settings },
    seed,
    details: job.details,
    decoding: { maxTokens, stop, ...sampler, topK: sampler.topK ?? null, repetitionPenalty },
    checkpoint: {
      id,
      dtype,
      ...(adapter === undefined ? {} : { adapter }),
      ...(device === undefined ? {} : { device }),
    },
  };
}
