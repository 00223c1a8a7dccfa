import { assessTrust, explainAnswer } from "../diagnose/index.js";
import type { Answer, Model } from "../index.js";
import type { ChatChoice, ChatEvents, ChatJob, ChatResult } from "./chat-job.js";
import { chatMethod, type SteeringFiles } from "./chat-method.js";

/** Largest seed that a request may have. */
const SEEDS = 2 ** 53;

/** What a model answers chats with. */
export interface ChatSetup {
  /** Steering files by the names that requests may use. Default none. */
  readonly steering?: SteeringFiles;
  /** The method of requests that name none. Default "regular". */
  readonly method?: string;
}

/**
 * Answers a chat with a loaded model: its choices together, then the evidence that was asked for.
 *
 * @throws InvalidArgumentError, UnsupportedCapabilityError, DatasetError, InferenceError, AbortedError as `Model.generate`
 */
export async function answerChat(
  model: Model,
  job: ChatJob,
  { onPiece, signal }: ChatEvents = {},
  { steering = new Map(), method: byDefault }: ChatSetup = {},
): Promise<ChatResult> {
  const method = chatMethod(job.options, steering, byDefault);
  const requests = Array.from({ length: job.count }, (_, i) => ({
    turns: job.turns,
    method,
    ...job.decoding,
    seed: (job.decoding.seed + i) % SEEDS,
    ...(signal === undefined ? {} : { signal }),
  }));
  const answers = await model.generateBatch(requests, onPiece === undefined ? {} : { onPiece });
  const choices: ChatChoice[] = [];
  // One after the other: each is several passes over its answer, between which others are decoded.
  for (const answer of answers) choices.push(await withEvidence(model, job, answer, signal));
  return { choices };
}

async function withEvidence(
  model: Model,
  { turns, options: { evidence = false, verify = false }, decoding }: ChatJob,
  answer: Answer,
  signal: AbortSignal | undefined,
): Promise<ChatChoice> {
  if (!evidence && !verify) return { answer, warnings: [] };
  const empty = { ...(evidence ? { evidence: [] } : {}), ...(verify ? { phrases: [] } : {}) };
  const tokens = answer.tokens.map(({ id }) => id);
  if (tokens.length === 0) {
    return { answer, ...empty, warnings: ["the answer is empty: there is nothing to explain"] };
  }
  const told = await explainAnswer(
    model,
    { turns, answer: tokens, seed: answer.seed, ...(signal === undefined ? {} : { signal }) },
    {
      base: null,
      top: Math.min(decoding.topLogprobs ?? 0, 100),
      ...(verify ? { assess: assessTrust() } : {}),
    },
  );
  return {
    answer,
    ...(evidence ? { evidence: told.tokens } : {}),
    // A stop text cuts the answer in the midst of its tokens.
    ...(verify ? { phrases: told.phrases.filter(({ end }) => end <= answer.text.length) } : {}),
    warnings: told.warnings,
  };
}
