import type { ChatChoice, ChatResult } from "../chat/chat-job.js";
import { tokenLogprob } from "../chat/token-logprob.js";
import type { Answer } from "../core.js";

/** What every part of a response to a chat says. */
export interface ResponseHead {
  readonly id: string;
  /** When the request was taken, in seconds since 1970. */
  readonly created: number;
  /** As the request named it. */
  readonly model: string;
  readonly system_fingerprint: string;
}

/** Times of a response as a whole, in milliseconds. */
export interface ResponseTimes {
  readonly queuedMs: number;
  readonly totalMs: number;
}

/** A chat's answers as OpenAI's `chat.completion`. */
export function chatCompletion(
  { system_fingerprint, ...head }: ResponseHead,
  { choices }: ChatResult,
  times: ResponseTimes,
  logprobs: boolean,
): object {
  return {
    ...head,
    object: "chat.completion",
    choices: choices.map((choice, index) => ({
      index,
      message: { role: "assistant", content: choice.answer.text, refusal: null },
      logprobs: logprobs
        ? { content: choice.answer.tokens.map(tokenLogprob), refusal: null }
        : null,
      finish_reason: finishReason(choice.answer),
      groundsight: choiceFacts(choice),
    })),
    usage: usage(choices),
    system_fingerprint,
    groundsight: responseFacts(choices, times),
  };
}

/** Why an answer ended, in OpenAI's terms. */
export function finishReason({ finishReason: reason }: Answer): "stop" | "length" {
  return reason === "length" ? "length" : "stop";
}

/** Tokens counted: the prompt once, and those of all answers. */
export function usage(choices: readonly ChatChoice[]): {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: { readonly image_tokens: number };
} {
  const { promptTokens, imageTokens } = choices[0]!.answer.usage;
  const generated = choices.reduce((sum, { answer }) => sum + answer.usage.generatedTokens, 0);
  return {
    prompt_tokens: promptTokens,
    completion_tokens: generated,
    total_tokens: promptTokens + generated,
    prompt_tokens_details: { image_tokens: imageTokens },
  };
}

/** What OpenAI's protocol has no field for, of the response. */
export function responseFacts(choices: readonly ChatChoice[], times: ResponseTimes): object {
  const { seed, method, decoding } = choices[0]!.answer;
  return { seed, method, decoding, timings: times };
}

/** What OpenAI's protocol has no field for, of one answer. */
export function choiceFacts({ answer, evidence, phrases, warnings }: ChatChoice): object {
  const { seed, timings, details } = answer;
  return {
    seed,
    timings,
    ...(Object.keys(details).length === 0 ? {} : { details }),
    ...(evidence === undefined ? {} : { evidence }),
    ...(phrases === undefined
      ? {}
      : { phrases, doubtful: phrases.filter(({ doubtful }) => doubtful).map(({ text }) => text) }),
    ...(warnings.length === 0 ? {} : { warnings }),
  };
}
