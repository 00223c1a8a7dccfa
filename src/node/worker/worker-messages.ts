import type { Answer, StreamPiece } from "../../engine/answer.js";
import { checkMethod } from "../../engine/check-method.js";
import type { ContentPart, ImageSource, Turn } from "../../engine/conversation.js";
import type { JsonValue } from "../../engine/json-value.js";
import type { Method } from "../../engine/method.js";
import type { ModelInfo } from "../../engine/model-info.js";
import type { GenerateRequest } from "../../engine/request.js";
import { checkSignal } from "../../engine/request-options.js";
import { type SentError, UnsupportedCapabilityError } from "../../errors.js";
import { METHODS, methodNamed } from "../../methods/registry.js";

/** A method as it crosses to the worker: by name. Its assets go ahead of it. */
export interface SentMethod {
  readonly name: string;
  readonly settings: Readonly<Record<string, JsonValue>>;
}

/** A request as it crosses to the worker: its method by name, its abort signal left behind. */
export type SentRequest = Omit<GenerateRequest, "method" | "signal"> & {
  readonly method?: SentMethod;
};

/** What the main thread asks of the worker. Each call has an id of its own, which replies carry. */
export type WorkerCall =
  | {
      readonly id: number;
      readonly kind: "generate";
      readonly requests: readonly SentRequest[];
      readonly maxStreams: number | undefined;
      /** Whether failures are told one by one, or fail the call. */
      readonly isSettled: boolean;
    }
  | { readonly id: number; readonly kind: "prepare"; readonly method: SentMethod }
  | { readonly id: number; readonly kind: "encode"; readonly text: string }
  | { readonly id: number; readonly kind: "decode"; readonly tokens: readonly number[] }
  | { readonly id: number; readonly kind: "abort"; readonly index: number }
  | { readonly id: number; readonly kind: "asset"; readonly key: string; readonly value: unknown }
  | { readonly id: number; readonly kind: "forget"; readonly key: string }
  | { readonly id: number; readonly kind: "hash" | "dispose" };

/** What the worker sends back; `id` is that of the call, 0 for loading. */
export type WorkerReply =
  | { readonly id: number; readonly kind: "loaded"; readonly info: ModelInfo }
  | {
      readonly id: number;
      readonly kind: "piece";
      readonly piece: StreamPiece;
      readonly index: number;
    }
  | {
      readonly id: number;
      readonly kind: "answer";
      readonly answer: Answer;
      readonly index: number;
    }
  | {
      readonly id: number;
      readonly kind: "failure";
      readonly error: SentError;
      readonly index: number;
    }
  | { readonly id: number; readonly kind: "done"; readonly value?: unknown }
  | { readonly id: number; readonly kind: "failed"; readonly error: SentError };

/**
 * A method in the form that crosses to the worker.
 *
 * @throws InvalidArgumentError when it is no method
 * @throws UnsupportedCapabilityError when it cannot be rebuilt there from name and settings
 */
export function sentMethod(method: Method): SentMethod {
  checkMethod(method);
  const { name, settings } = method;
  if (typeof name === "string" && Object.hasOwn(METHODS, name)) return { name, settings };
  throw new UnsupportedCapabilityError(
    `method ${name}: a model in a worker takes registered methods (${Object.keys(METHODS).join(", ")}); load the model without worker to use your own`,
  );
}

/** A request in the form that crosses to the worker. @throws as {@link sentMethod} */
export function sentRequest(request: GenerateRequest): SentRequest {
  // What is no request is left for the worker's model to refuse.
  if (typeof request !== "object" || request === null) return request;
  const { method, signal, image, turns, ...rest } = request;
  checkSignal(signal);
  return {
    ...rest,
    ...(image === undefined ? {} : { image: sentImage(image) }),
    ...(turns === undefined ? {} : { turns: Array.isArray(turns) ? turns.map(sentTurn) : turns }),
    ...(method === undefined ? {} : { method: sentMethod(method) }),
  };
}

/** Paths stay text; a URL object does not survive the crossing. */
function sentImage(image: ImageSource): ImageSource {
  return image instanceof URL ? image.href : image;
}

function sentTurn(turn: Turn): Turn {
  if (!Array.isArray(turn?.content)) return turn;
  const content = turn.content.map((part: ContentPart) =>
    part?.type === "image" ? { ...part, image: sentImage(part.image) } : part,
  );
  return { ...turn, content };
}

/** The request as the worker runs it. */
export function receivedRequest(
  sent: SentRequest,
  assets: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): GenerateRequest {
  if (typeof sent !== "object" || sent === null) return sent;
  const { method, ...request } = sent;
  const { name, settings } = method ?? {};
  return {
    ...request,
    signal,
    ...(name === undefined ? {} : { method: methodNamed(name, settings, assets) }),
  } as GenerateRequest;
}
