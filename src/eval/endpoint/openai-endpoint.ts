import pLimit from "p-limit";
import {
  AbortedError,
  InferenceError,
  InvalidArgumentError,
  ModelLoadError,
} from "../../errors.js";
import { type ChatClientOptions, chatClient, NoConnection } from "../client/chat-client.js";
import { ChatRefusal } from "../client/chat-refusal.js";
import { ChatDialect, type ChatQuestion } from "./chat-dialect.js";
import { type ChatReply, FilteredAnswer, readChatReply } from "./chat-reply.js";

/** Settings of {@link openAiEndpoint}. */
export interface OpenAiEndpointOptions extends ChatClientOptions {
  /** The model's name there. */
  readonly model: string;
  /** Requests at once, at least 1; 4 by default. */
  readonly concurrency?: number;
  /** Limit of one attempt in milliseconds; 120,000 by default. */
  readonly timeoutMs?: number;
}

/** An answer with what it took. */
export interface EndpointAnswer extends ChatReply {
  /** From the request to the reply, attempts that failed included. */
  readonly ms: number;
  /** Whether the server was given the seed. */
  readonly seeded: boolean;
}

/** A model behind an OpenAI-compatible server. */
export interface ChatEndpoint {
  /** The model's name there. */
  readonly model: string;
  /** Base URL without its query, which may hold a secret. */
  readonly url: string;
  /** Requests at once. */
  readonly concurrency: number;
  /**
   * Asks one question.
   *
   * @throws InferenceError when this question has no answer, after all attempts
   * @throws ModelLoadError when no question will have one: the key, the name or the address is wrong, or nobody is there
   * @throws AbortedError when the signal fires
   */
  readonly ask: (question: ChatQuestion, signal?: AbortSignal) => Promise<EndpointAnswer>;
}

/** Fields that all requests of a run have alike. */
const OF_ALL_QUESTIONS = ["model", "top_p", "max_tokens", "max_completion_tokens"];

/**
 * A model behind an OpenAI-compatible chat endpoint, for `evaluateEndpoint`. Time-outs, lost connections, status 408, 409,
 * 429 and 5xx, and replies that are none are tried again with exponential back-off, or after the time that `Retry-After`
 * names. The limit of tokens is sent as `max_tokens`, or as `max_completion_tokens` where that is refused; `seed` and
 * `top_logprobs` are left out where they are refused. Redirects are not followed.
 *
 * @throws InvalidArgumentError for a base URL, key or number that cannot be used
 */
export function openAiEndpoint(options: OpenAiEndpointOptions): ChatEndpoint {
  const { model, concurrency = 4, timeoutMs = 120_000 } = options;
  if (model === "") throw new InvalidArgumentError("endpoint: expected the name of a model");
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new InvalidArgumentError(
      `concurrency: received ${concurrency}; expected an integer of at least 1`,
    );
  }
  const client = chatClient("endpoint", { ...options, timeoutMs });
  const { origin, host, pathname } = new URL(options.baseUrl);
  const url = origin + pathname.replace(/\/+$/, "");
  const limit = pLimit(concurrency);
  const dialect = new ChatDialect();
  const hasKey = (options.apiKey ?? "") !== "";

  const asked = async (
    question: ChatQuestion,
    signal: AbortSignal | undefined,
  ): Promise<EndpointAnswer> => {
    if (isStopped(signal)) throw new AbortedError("the run was stopped");
    const { seeded } = dialect;
    const request = dialect.request(model, question);
    const begin = performance.now();
    try {
      const reply = await client.post(request, readOrFilter, signal);
      if (reply instanceof FilteredAnswer) throw reply;
      return { ...reply, ms: performance.now() - begin, seeded };
    } catch (cause) {
      if (isStopped(signal)) throw new AbortedError("the run was stopped", { cause });
      if (cause instanceof ChatRefusal && dialect.learn(cause, request)) {
        return asked(question, signal);
      }
      throw failure(cause as Error);
    }
  };

  const failure = (cause: Error): Error => {
    const told = `${model} at ${url}: ${cause.message}`;
    if (cause instanceof NoConnection) {
      const remedy = `is a server running at ${host}? What is stored stays; the same command goes on from there`;
      return new ModelLoadError(`${told}; ${remedy}`, { cause });
    }
    if (!(cause instanceof ChatRefusal)) return new InferenceError(told, { cause });
    const said = cause.said === "" ? told : `${told} (${cause.said})`;
    const remedy = remedyOf(cause, hasKey);
    return remedy === null
      ? new InferenceError(said, { cause })
      : new ModelLoadError(remedy === "" ? said : `${said}; ${remedy}`, { cause });
  };

  return { model, url, concurrency, ask: (...args) => limit(() => asked(...args)) };
}

function isStopped(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

/** An answer that is filtered once is so again: it is not tried. */
function readOrFilter(reply: unknown): ChatReply | FilteredAnswer {
  try {
    return readChatReply(reply);
  } catch (error) {
    if (error instanceof FilteredAnswer) return error;
    throw error;
  }
}

/** What to do about a refusal that all questions share; null where it may be one question's alone. */
function remedyOf(refusal: ChatRefusal, hasKey: boolean): string | null {
  const { status, param, code, mayPass } = refusal;
  if (status >= 300 && status < 400) return "";
  if (status === 401 || status === 403) {
    return hasKey
      ? "the key is refused: set OPENAI_API_KEY to one of this server"
      : "the server wants a key: set OPENAI_API_KEY";
  }
  if (status === 402 || code === "insufficient_quota") return "the account has nothing left";
  if (status === 404 || status === 405) {
    return "check the model's name, and the base URL, which ends in /v1 on most servers";
  }
  if (!mayPass && param === "temperature") {
    return "the server does not take the temperature that every question is asked with; models that cannot answer greedily are asked with --seeds 3 --temperature 1";
  }
  if (!mayPass && param !== null && OF_ALL_QUESTIONS.includes(param)) {
    return "the server does not take what every question is asked with";
  }
  return null;
}
