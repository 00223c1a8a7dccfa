import { z } from "zod";
import type { LikelyFirst } from "../../objects/yes-no-answer.js";

/** A server's answer. */
export interface ChatReply {
  readonly text: string;
  /** There where the answer was cut at the limit of its tokens. */
  readonly finish?: "length";
  /** What its first token might have been; none where that is not told. */
  readonly likeliest: readonly LikelyFirst[];
  /** Tokens of prompt and answer, where they are told. */
  readonly usage?: { readonly promptTokens: number; readonly answerTokens: number };
  /** What the server says of its weights and its program: another one may answer otherwise. */
  readonly fingerprint?: string;
}

/** An answer that the server's own filter held back. */
export class FilteredAnswer extends Error {}

const LONGEST_FINGERPRINT = 200;

const count = z.number().int().min(0);
const likely = z.object({ token: z.string(), logprob: z.number() });
const reply = z.object({
  choices: z
    .array(
      z.object({
        message: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }),
        finish_reason: z.string().nullish(),
        logprobs: z
          .object({
            content: z
              .array(z.object({ top_logprobs: z.array(likely).catch([]) }))
              .nullish()
              .catch(null),
          })
          .nullish()
          .catch(null),
      }),
    )
    .min(1),
  usage: z.object({ prompt_tokens: count, completion_tokens: count }).nullish().catch(null),
  system_fingerprint: z.string().nullish().catch(null),
});

/**
 * What a server replied. A refusal of the model, where it stands apart, is its answer.
 *
 * @throws FilteredAnswer, and Error for what is no reply to a chat request
 */
export function readChatReply(received: unknown): ChatReply {
  if (received === null) {
    throw new Error("the reply is no JSON; the base URL ends in /v1 on most servers");
  }
  const { data } = reply.safeParse(received);
  const choice = data?.choices[0];
  const text = choice?.message.content ?? choice?.message.refusal;
  if (data === undefined || choice === undefined) throw new Error("the reply holds no answer");
  if (choice.finish_reason === "content_filter") {
    throw new FilteredAnswer("the endpoint's filter held the answer back");
  }
  if (text === undefined || text === null) throw new Error("the reply holds no answer");
  const { usage, system_fingerprint: fingerprint } = data;
  return {
    text,
    ...(choice.finish_reason === "length" ? { finish: "length" } : {}),
    likeliest: choice.logprobs?.content?.[0]?.top_logprobs ?? [],
    ...(usage == null
      ? {}
      : { usage: { promptTokens: usage.prompt_tokens, answerTokens: usage.completion_tokens } }),
    ...(fingerprint == null ? {} : { fingerprint: fingerprint.slice(0, LONGEST_FINGERPRINT) }),
  };
}
