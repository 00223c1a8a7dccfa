import pRetry from "p-retry";
import { InvalidArgumentError } from "../../errors.js";
import { chatAddress, readReply, requireSendable, withoutKey } from "./chat-endpoint.js";
import { ChatRefusal, parsedOrNull } from "./chat-refusal.js";

/** Settings of a {@link ChatClient}. */
export interface ChatClientOptions {
  /** For example `https://api.openai.com/v1`; `/chat/completions` is appended. */
  readonly baseUrl: string;
  /** Sent as bearer token; undefined for servers that need none. */
  readonly apiKey?: string | undefined;
  /** Attempts after the first, 0 to 20; 4 by default. */
  readonly retries?: number;
  /** First pause between attempts in milliseconds; each next one is twice as long. 500 by default. */
  readonly pauseMs?: number;
  /** Limit of one attempt in milliseconds; 60,000 by default. */
  readonly timeoutMs?: number;
}

/** Asks an OpenAI-compatible chat endpoint. */
export interface ChatClient {
  /**
   * Posts a request, and reads its reply. Time-outs, refused connections, status 408, 409, 429 and 5xx, and what `read`
   * throws are tried again with exponential back-off, or after the time that `Retry-After` names; other statuses are not.
   * Redirects are not followed: what is asked goes to the address that was named, and nowhere else.
   *
   * @param read makes something of the reply, which is null where it is no JSON; texts are without the key
   * @throws ChatRefusal for what the server refuses, {@link NoConnection}, and Error with the reason of the last attempt
   */
  post<T>(request: object, read: (reply: unknown) => T, signal?: AbortSignal): Promise<T>;
}

/** A server that cannot be reached, or ends connections. */
export class NoConnection extends Error {}

const LONGEST_PAUSE_MS = 30_000;
const MOST_RETRIES = 20;

/**
 * A client of the endpoint that options name.
 *
 * @param what is asked there, for messages: `judge`, `endpoint`
 * @throws InvalidArgumentError for a base URL, key or number that cannot be used
 */
export function chatClient(what: string, options: ChatClientOptions): ChatClient {
  const { apiKey, retries = 4, pauseMs = 500, timeoutMs = 60_000 } = options;
  const address = chatAddress(options.baseUrl, what);
  requireSendable(apiKey, what);
  if (!Number.isInteger(retries) || retries < 0 || retries > MOST_RETRIES) {
    throw new InvalidArgumentError(
      `${what} retries: received ${retries}; expected 0 to ${MOST_RETRIES}`,
    );
  }
  const attempt = async (request: object, signal: AbortSignal | undefined): Promise<unknown> => {
    const limit = AbortSignal.timeout(timeoutMs);
    const lost = (cause: unknown): never => {
      // A TypeError would count as a mistake in the program and not be tried again.
      throw limit.aborted
        ? new Error(`no reply in ${timeoutMs} ms`, { cause })
        : new NoConnection("no connection", { cause });
    };
    const response = await fetch(address, {
      method: "POST",
      redirect: "manual",
      headers: {
        "content-type": "application/json",
        ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
      },
      body: JSON.stringify(request),
      signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
    }).catch(lost);
    if (!response.ok) throw await ChatRefusal.of(response, what, apiKey);
    const body = await readReply(response).catch((cause: unknown) =>
      limit.aborted || cause instanceof TypeError ? lost(cause) : Promise.reject(cause),
    );
    return parsedOrNull(body, (_, value) =>
      typeof value === "string" ? withoutKey(value, apiKey) : value,
    );
  };
  return {
    post: (request, read, signal) =>
      pRetry(async () => read(await attempt(request, signal)), {
        retries,
        minTimeout: pauseMs,
        maxTimeout: LONGEST_PAUSE_MS,
        ...(signal === undefined ? {} : { signal }),
        shouldRetry: ({ error }) => !(error instanceof ChatRefusal) || error.mayPass,
        onFailedAttempt: ({ error, retriesLeft }) =>
          error instanceof ChatRefusal && error.mayPass && retriesLeft > 0
            ? pause(Math.min(error.afterMs, LONGEST_PAUSE_MS), signal)
            : undefined,
      }),
  };
}

/** Waits, or until the signal fires. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (ms === 0 || signal?.aborted === true) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done);
  });
}
