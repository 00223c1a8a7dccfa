import pRetry, { AbortError } from "p-retry";
import { z } from "zod";
import { InferenceError, InvalidArgumentError } from "../../errors.js";
import type { JudgeTask } from "../contract/judge-task.js";
import { chatAddress, readReply, requireSendable, withoutKey } from "./chat-endpoint.js";
import type { Judge } from "./judge.js";
import { verdictFault } from "./verdict-fault.js";

/** Settings of {@link openAiJudge}. */
export interface OpenAiJudgeOptions {
  /** For example `https://api.openai.com/v1`; `/chat/completions` is appended. */
  readonly baseUrl: string;
  readonly model: string;
  /** Sent as bearer token; undefined for servers that need none. */
  readonly apiKey?: string | undefined;
  /** Attempts after the first, 0 to 20; 4 by default. */
  readonly retries?: number;
  /** First pause between attempts in milliseconds; each next one is twice as long. 500 by default. */
  readonly pauseMs?: number;
  /** Limit of one attempt in milliseconds; 60,000 by default. */
  readonly timeoutMs?: number;
}

const reply = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string().min(1) }) })).min(1),
});

const LONGEST_PAUSE_MS = 30_000;

/**
 * A judge behind an OpenAI-compatible chat endpoint, asked at temperature 0. Time-outs, refused
 * connections, status 408, 409, 429 and 5xx, replies that are no JSON, and verdicts that are not what
 * the task asks for (its schema, its form) are tried again with exponential back-off, or after the time that `Retry-After` names; other
 * statuses are not. Redirects are not followed: questions and answers go to the address that was named, and
 * nowhere else.
 *
 * @throws InvalidArgumentError for a base URL or number that cannot be used
 */
export function openAiJudge(options: OpenAiJudgeOptions): Judge {
  const { model, retries = 4, pauseMs = 500 } = options;
  const address = chatAddress(options.baseUrl);
  requireSendable(options.apiKey);
  if (!Number.isInteger(retries) || retries < 0 || retries > 20) {
    throw new InvalidArgumentError(`judge retries: received ${retries}; expected 0 to 20`);
  }
  return {
    name: model,
    ask: async (task, signal) => {
      try {
        return await pRetry(() => attempt(task, address, options, signal), {
          retries,
          minTimeout: pauseMs,
          maxTimeout: LONGEST_PAUSE_MS,
          ...(signal === undefined ? {} : { signal }),
          onFailedAttempt: ({ error, retriesLeft }) =>
            error instanceof RetryLater && retriesLeft > 0 ? pause(error.afterMs) : undefined,
        });
      } catch (cause) {
        throw new InferenceError(`judge ${model}: ${(cause as Error).message}`, { cause });
      }
    },
  };
}

/** A refusal that names the time after which to ask again. */
class RetryLater extends Error {
  readonly afterMs: number;
  constructor(message: string, afterMs: number) {
    super(message);
    this.afterMs = afterMs;
  }
}

async function attempt(
  task: JudgeTask,
  address: string,
  { model, apiKey, timeoutMs = 60_000 }: OpenAiJudgeOptions,
  signal: AbortSignal | undefined,
): Promise<string> {
  const limit = AbortSignal.timeout(timeoutMs);
  const lost = (cause: unknown): never => {
    // A TypeError would count as a mistake in the program and not be tried again.
    throw new Error(limit.aborted ? `no reply in ${timeoutMs} ms` : "no connection", { cause });
  };
  const response = await fetch(address, {
    method: "POST",
    redirect: "manual",
    headers: {
      "content-type": "application/json",
      ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
    },
    body: JSON.stringify(requestFor(model, task)),
    signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
  }).catch(lost);
  if (!response.ok) {
    await response.body?.cancel();
    throw refusal(response);
  }
  const body = await readReply(response).catch((cause: unknown) =>
    limit.aborted || cause instanceof TypeError ? lost(cause) : Promise.reject(cause),
  );
  const verdict = withoutKey(verdictIn(body), apiKey);
  const fault = verdictFault(task, verdict);
  if (fault !== null) throw new Error(fault);
  return verdict;
}

function requestFor(model: string, task: JudgeTask): object {
  const request = {
    model,
    temperature: 0,
    messages: [{ role: "user", content: task.prompt }],
  };
  if (task.schema === null) return request;
  const json_schema = { name: "verdict", strict: true, schema: task.schema };
  return { ...request, response_format: { type: "json_schema", json_schema } };
}

function refusal(response: Response): Error {
  const { status } = response;
  if (status >= 300 && status < 400) return new AbortError(redirected(response));
  const message = `status ${status}`;
  if (status !== 408 && status !== 409 && status !== 429 && status < 500) {
    return new AbortError(message);
  }
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  if (!(seconds > 0)) return new Error(message);
  return new RetryLater(message, Math.min(1000 * seconds, LONGEST_PAUSE_MS));
}

function redirected({ status, url, headers }: Response): string {
  const to = headers.get("location");
  const host = to !== null && URL.canParse(to, url) ? new URL(to, url).host : "nowhere";
  return `status ${status}: redirected to ${host}, which is not followed; give the address itself as judge URL`;
}

function verdictIn(body: string): string {
  const parsed = reply.safeParse(parseOrNull(body));
  const content = parsed.data?.choices[0]?.message.content;
  if (content === undefined) throw new Error("the reply holds no verdict");
  return content;
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
