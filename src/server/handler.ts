import { type Context, Hono } from "hono";
import { cors } from "hono/cors";
import { checkSettings, InvalidArgumentError, type SettingsSchema } from "../core.js";
import { Admission } from "./admission.js";
import { ApiError, apiErrorOf } from "./api-error.js";
import { keyCheck } from "./api-keys.js";
import { type ChatServing, chatRoute } from "./chat-route.js";
import { HeldBodies } from "./held-bodies.js";
import type { Inference } from "./inference.js";
import { listedModel, modelList } from "./list-models.js";
import type { RequestLog } from "./request-log.js";
import { RequestRecord } from "./request-record.js";
import { type ServerLimits, serverLimits } from "./server-limits.js";
import { ServerMetrics } from "./server-metrics.js";

/** Options of {@link createHandler}. */
export interface HandlerOptions {
  /** What requests may take at most. */
  readonly limits?: Partial<ServerLimits>;
  /** Of requests that name none. Default 0, greedy. */
  readonly temperature?: number;
  /** Keys, one of which every request but those for `/health` must carry. Default none: every request is answered. */
  readonly apiKeys?: readonly string[];
  /**
   * Hosts whose images are fetched where a request names them by http: or https: URLs, redirects included. Default none:
   * images come as data URLs.
   */
  readonly imageHosts?: readonly string[];
  /** Whether those hosts may have addresses that are not public. Default false. */
  readonly privateImageHosts?: boolean;
  /** Origins whose pages may ask (CORS), or "*" for all. Default none. */
  readonly cors?: "*" | readonly string[];
  /** Called once for each request, when it has been answered. What it throws is not heard of. */
  readonly log?: (entry: RequestLog) => void;
  /** Whether prompts and answers are part of what is logged. Default false. */
  readonly logPrompts?: boolean;
}

/** Answers a request, never rejecting. */
export type Handler = (request: Request) => Promise<Response>;

type Env = { Variables: { record: RequestRecord } };

const ROUTES = ["/v1/chat/completions", "/v1/models", "/health", "/metrics"] as const;

const SAMPLING = {
  temperature: { type: "number", min: 0, max: 100, default: 0, summary: "" },
} as const satisfies SettingsSchema;

/** Ids of requests that clients may choose. */
const REQUEST_ID = /^[\w.:-]{1,100}$/;

/**
 * An OpenAI-compatible endpoint as a fetch function, to be mounted in any server of web requests: `/v1/chat/completions`,
 * `/v1/models`, `/health` and `/metrics`.
 *
 * @throws InvalidArgumentError for options that are out of range
 */
export function createHandler(inference: Inference, options: HandlerOptions = {}): Handler {
  return refusingHandler(inference, options, () => undefined);
}

/**
 * {@link createHandler} of a server that does not answer all.
 *
 * @param refusal why a request is answered with an error, whatever it asks for; called for each
 */
export function refusingHandler(
  inference: Inference,
  options: HandlerOptions,
  refusal: (url: URL) => ApiError | undefined,
): Handler {
  const limits = serverLimits(options.limits);
  const { temperature } = checkSettings("createHandler", SAMPLING, {
    temperature: options.temperature ?? null,
  });
  const { apiKeys = [], imageHosts = [], log, logPrompts = false } = options;
  const images = {
    hosts: imageHosts.map(checkedHost),
    allowPrivateAddresses: options.privateImageHosts ?? false,
  };
  const admission = new Admission(limits.maxRunning, limits.maxQueued);
  const metrics = new ServerMetrics(admission, inference);
  const bodies = new HeldBodies(limits.maxHeldMiB);
  const serving: ChatServing = { inference, admission, bodies, limits, temperature, images };
  const checkKey = keyCheck(apiKeys);
  const created = Math.floor(Date.now() / 1000);
  const app = new Hono<Env>();

  app.use(async (context, next) => {
    const { raw } = context.req;
    const given = raw.headers.get("x-request-id") ?? "";
    const id = REQUEST_ID.test(given) ? given : crypto.randomUUID();
    const record = new RequestRecord(raw, id, { metrics, log, logPrompts });
    context.set("record", record);
    await next();
    context.res.headers.set("x-request-id", id);
    context.res.headers.set("x-content-type-options", "nosniff");
    record.finish(routeOf(context.req.path), context.res.status).catch(() => {});
  });
  if (options.cors !== undefined) {
    app.use(
      cors({ origin: originsOf(options.cors), exposeHeaders: ["x-request-id", "retry-after"] }),
    );
  }
  app.use(async (context, next) => {
    const error = refusal(new URL(context.req.url));
    if (error !== undefined) throw error;
    if (context.req.path !== "/health") await checkKey(context.req.raw);
    await next();
  });
  app.post("/v1/chat/completions", (context) =>
    chatRoute(context.req.raw, serving, context.get("record")),
  );
  app.get("/v1/models", (context) => context.json(modelList(inference.models, created)));
  app.get("/v1/models/:id{.+}", (context) =>
    context.json(listedModel(context.req.param("id"), inference.models, created)),
  );
  app.get("/health", (context) => {
    const models = inference.models.map(({ id }) => id);
    if (inference.isReady) return context.json({ status: "ok", models });
    return context.json({ status: "loading", models }, 503, { "retry-after": "1" });
  });
  app.get("/metrics", () => metrics.response());
  app.notFound(notFound);
  app.onError((failure, context) => {
    const error = apiErrorOf(failure, inference.isReady);
    context.get("record").failed(failure, error);
    return error.response;
  });
  return async (request) => app.fetch(request);
}

function routeOf(path: string): string {
  if (/^\/v1\/models\/./.test(path)) return "/v1/models/:id";
  return ROUTES.find((route) => route === path) ?? "other";
}

function notFound({ req: { method, path } }: Context<Env>): never {
  const route = routeOf(path);
  if (route === "other") {
    throw new ApiError(`there is no ${path.slice(0, 100)} here; expected ${ROUTES.join(", ")}`, {
      status: 404,
      code: "not_found",
    });
  }
  const allow = route === "/v1/chat/completions" ? "POST" : "GET";
  throw new ApiError(`${route} is not for ${method}; expected ${allow}`, {
    status: 405,
    code: "method_not_allowed",
    headers: { allow },
  });
}

function checkedHost(host: string): string {
  if (/^[^\s/?#@\\]+$/.test(host) && URL.canParse(`http://${host}`)) return host;
  throw new InvalidArgumentError(
    `imageHosts: received '${host}'; expected names of hosts without a scheme, such as images.example.org`,
  );
}

function originsOf(origins: "*" | readonly string[]): string | string[] {
  if (origins === "*") return origins;
  const wrong = origins.find(
    (origin) => !URL.canParse(origin) || new URL(origin).origin !== origin,
  );
  if (wrong === undefined) return [...origins];
  throw new InvalidArgumentError(
    `cors: received '${wrong}'; expected origins, such as https://example.org`,
  );
}
