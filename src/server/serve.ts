import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { checkSettings, InvalidArgumentError, type SettingsSchema } from "../index.js";
import { ApiError, badRequest } from "./api-error.js";
import { Flights } from "./flights.js";
import { type HandlerOptions, refusingHandler } from "./handler.js";
import type { Inference } from "./inference.js";
import { LateInference } from "./late-inference.js";
import { isLoopback, listening, urlOf } from "./listening.js";
import { serverLimits } from "./server-limits.js";

/** Options of {@link serve}. */
export interface ServeOptions extends HandlerOptions {
  /** Name or address to listen at. Default "127.0.0.1": this machine alone. */
  readonly host?: string;
  /** Default 8000; 0 for any that is free. */
  readonly port?: number;
  /** Lets others than this machine ask without an API key, and requests by any host name. Default false. */
  readonly insecure?: boolean;
  /** Most connections at once; more are dropped. Default 1024. */
  readonly maxConnections?: number;
  /** Milliseconds in which a request's headers must have come. Default 10 000. */
  readonly headersTimeoutMs?: number;
  /** Milliseconds in which a request must have come whole. Default 120 000. */
  readonly requestTimeoutMs?: number;
}

/** A server that answers requests. */
export interface RunningServer {
  /** For example "http://127.0.0.1:8000"; the API begins at `/v1` below it. */
  readonly url: string;
  readonly port: number;
  /** Requests that are being answered. */
  readonly inFlight: number;
  /**
   * Ends the server and its inference. New requests are refused with 503; those under way go on until they are done, or
   * are ended with an error after a while.
   *
   * @param graceMs how long they may go on, in milliseconds; only that of the first call counts. Default 30 000
   * @returns whether all were answered to their end
   */
  close(graceMs?: number): Promise<boolean>;
}

const GRACE_MS = 30_000;

/** How long clients have to read the last event of what was ended. */
const FAREWELL_MS = 2000;

/** Longer than reverse proxies keep connections (60 s), which would else send a request down one that is closed. */
const KEEP_ALIVE_MS = 65_000;

const NUMBERS = {
  port: { type: "integer", min: 0, max: 65_535, default: 8000, summary: "" },
  maxConnections: { type: "integer", min: 1, max: 1_000_000, default: 1024, summary: "" },
  headersTimeoutMs: { type: "integer", min: 1, max: 3_600_000, default: 10_000, summary: "" },
  requestTimeoutMs: { type: "integer", min: 1, max: 3_600_000, default: 120_000, summary: "" },
} as const satisfies SettingsSchema;

/** How much longer than a request may take a connection may be silent, in milliseconds. */
const SILENCE_MS = 30_000;

/**
 * Serves models over HTTP: the handler of `createHandler` behind Node's server, with bounds for slow and silent clients.
 *
 * @param inference what answers, or a promise of it: until it is there, clients are told to come again. It is the
 * server's own from now on, and closed with it
 * @throws InvalidArgumentError for options that are out of range, and for a host that others can reach without a key
 * @throws Error with the system's `code` where it cannot listen; what the promise of the inference rejects with
 */
export async function serve(
  inference: Inference | Promise<Inference>,
  options: ServeOptions = {},
): Promise<RunningServer> {
  const late = new LateInference(inference);
  try {
    return await serving(late, options);
  } catch (error) {
    void late.close();
    throw error;
  }
}

async function serving(
  late: LateInference,
  {
    host = "127.0.0.1",
    insecure = false,
    port,
    maxConnections,
    headersTimeoutMs,
    requestTimeoutMs,
    ...options
  }: ServeOptions,
): Promise<RunningServer> {
  const given = { port, maxConnections, headersTimeoutMs, requestTimeoutMs };
  const bounds = checkSettings("serve", NUMBERS, given);
  const isOpen = insecure || (options.apiKeys ?? []).length > 0;
  if (!isOpen && !isLoopback(host)) {
    throw new InvalidArgumentError(
      `host: received '${host}', where others than this machine can ask, and no API key; give one (apiKeys, --api-key), or allow it by name (insecure, --insecure)`,
    );
  }
  let closed: Promise<boolean> | undefined;
  let refusal: ApiError | undefined = unavailable("the models are still being loaded");
  const handler = refusingHandler(late, options, ({ hostname, pathname }) => {
    if (!isOpen && !isLoopback(hostname)) return strangeHost(hostname);
    const isTold = pathname === "/metrics" || (pathname === "/health" && closed === undefined);
    return isTold ? undefined : refusal;
  });
  const headersTimeout = Math.min(bounds.headersTimeoutMs, bounds.requestTimeoutMs);
  const server = createServer(
    {
      headersTimeout,
      requestTimeout: bounds.requestTimeoutMs,
      connectionsCheckingInterval: Math.ceil(headersTimeout / 5),
      keepAliveTimeout: KEEP_ALIVE_MS,
    },
    getRequestListener(handler, { overrideGlobalObjects: false, errorHandler: noRequest }),
  );
  server.maxConnections = bounds.maxConnections;
  server.timeout = serverLimits(options.limits).timeoutMs + SILENCE_MS;
  const flights = new Flights(server);
  await listening(server, host, bounds.port);

  const close = async (graceMs: number): Promise<boolean> => {
    refusal = unavailable("the server is about to end", { connection: "close" });
    server.closeIdleConnections();
    const isWhole = await flights.landed(graceMs);
    await late.close();
    await flights.landed(FAREWELL_MS);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    return isWhole;
  };
  const running: RunningServer = {
    url: urlOf(host, server),
    port: (server.address() as AddressInfo).port,
    get inFlight() {
      return flights.count;
    },
    close(graceMs = GRACE_MS) {
      closed ??= close(graceMs);
      return closed;
    },
  };
  try {
    await late.loaded;
  } catch (error) {
    await running.close(0);
    throw error;
  }
  if (closed === undefined) refusal = undefined;
  return running;
}

/** What Node takes for a request, and no URL can be made of. */
function noRequest(): Response {
  return badRequest(undefined, "expected a Host header that names a host, and a path").response;
}

function unavailable(why: string, headers: Readonly<Record<string, string>> = {}): ApiError {
  return new ApiError(`${why}; send the request again`, {
    status: 503,
    code: "not_ready",
    retryAfter: 1,
    headers,
  });
}

/** A page of another site can have its own name lead to this machine, and then read what it is answered. */
function strangeHost(hostname: string): ApiError {
  return new ApiError(
    `the server answers this machine alone, by its local names; received a request for the host '${hostname}'. Its owner may give an API key, or allow other names (insecure, --insecure)`,
    { status: 403, code: "host_not_allowed" },
  );
}
