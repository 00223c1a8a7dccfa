import { GroundsightError } from "../core.js";

/** What an error is besides its message, in OpenAI's terms. */
export interface ApiErrorFacts {
  readonly status: number;
  readonly type?: string;
  /** The field that is wrong. */
  readonly param?: string | undefined;
  readonly code?: string | undefined;
  /** When to try again, in seconds. */
  readonly retryAfter?: number | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** A request that cannot be answered, as a client is told. */
export class ApiError extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly code: string | null;
  readonly #type: string;
  readonly #param: string | null;

  constructor(message: string, facts: ApiErrorFacts) {
    super(message, { cause: facts.cause });
    const { status, type = typeOf(status), param = null, code = null, retryAfter } = facts;
    this.status = status;
    this.code = code;
    this.#type = type;
    this.#param = param;
    this.headers = {
      ...facts.headers,
      ...(retryAfter === undefined ? {} : { "retry-after": String(retryAfter) }),
    };
  }

  /** In the shape of OpenAI's errors. */
  get body(): { readonly error: object } {
    const { message, code } = this;
    return { error: { message, type: this.#type, param: this.#param, code } };
  }

  get response(): Response {
    return Response.json(this.body, { status: this.status, headers: this.headers });
  }
}

function typeOf(status: number): string {
  if (status === 401) return "authentication_error";
  if (status === 429) return "rate_limit_exceeded";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

/** A request that is wrong in one of its fields. */
export function badRequest(param: string | undefined, message: string, code?: string): ApiError {
  return new ApiError(param === undefined ? message : `${param}: ${message}`, {
    status: 400,
    param,
    code,
  });
}

/** OpenAI's code of prompts that do not fit, which clients look for. */
export const CONTEXT = "context_length_exceeded";

const TOO_LONG = /received \d+ tokens; expected at most/;

/** What looks like a path, a web address excepted, or a line of a stack trace. */
const INTERNAL = /(^|[\s'"(])(\/|[a-z]:\\|file:)[\w.@+-]+[\\/]|\n\s+at /i;

/**
 * What a client is told of a failure. Of what nobody foresaw it is told no more than that: messages of libraries hold
 * paths.
 *
 * @param isReady whether requests are answered at all at this moment
 */
export function apiErrorOf(failure: unknown, isReady = true): ApiError {
  if (failure instanceof ApiError) return failure;
  const cause = failure;
  const code = GroundsightError.isInstance(failure) ? failure.code : undefined;
  const message = code === undefined ? "" : (failure as Error).message;
  if (code === "INVALID_ARGUMENT" || code === "UNSUPPORTED_CAPABILITY" || code === "DATASET") {
    const [, param] =
      /^(model|method|settings|steer|stop|turns?|image|prompt|answer)\b/.exec(message) ?? [];
    return new ApiError(told(message, "the request cannot be answered by this model"), {
      status: 400,
      param: PARAMS[param ?? ""] ?? (code === "DATASET" ? "messages" : undefined),
      code: code === "DATASET" ? "invalid_image" : TOO_LONG.test(message) ? CONTEXT : undefined,
      cause,
    });
  }
  if (!isReady || code === "ABORTED") {
    const why =
      code === "ABORTED"
        ? "the server is ending and gave up the answer; send the request again"
        : told(message, "the models are not there at the moment; send it again");
    return new ApiError(why, {
      status: 503,
      code: "not_ready",
      retryAfter: 1,
      cause,
    });
  }
  return new ApiError(told(message, "the server failed to answer; its log tells why"), {
    status: 500,
    cause,
  });
}

const PARAMS: Readonly<Record<string, string>> = {
  model: "model",
  method: "groundsight.method",
  settings: "groundsight.settings",
  steer: "groundsight.steer",
  stop: "stop",
  turn: "messages",
  turns: "messages",
  image: "messages",
  prompt: "messages",
  answer: "messages",
};

const told = (message: string, otherwise: string): string =>
  message === "" || INTERNAL.test(message) ? otherwise : message;
