import type { Answer, StreamPiece } from "../engine/answer.js";
import type { JsonValue } from "../engine/method.js";
import type { ModelInfo } from "../engine/model.js";
import type { GenerateRequest } from "../engine/request.js";
import {
  GroundsightError,
  type GroundsightErrorCode,
  UnsupportedCapabilityError,
} from "../errors.js";
import { METHODS, methodNamed } from "../methods/methods.js";

/** A request as it crosses to the worker: its method by name, its abort signal left behind. */
export type SentRequest = Omit<GenerateRequest, "method" | "signal"> & {
  readonly method?: {
    readonly name: string;
    readonly settings: Readonly<Record<string, JsonValue>>;
  };
};

/** What the main thread asks of the worker. Each call has an id of its own, which replies carry. */
export type WorkerCall =
  | {
      readonly id: number;
      readonly kind: "generate";
      readonly requests: readonly SentRequest[];
      readonly maxStreams?: number | undefined;
    }
  | { readonly id: number; readonly kind: "abort"; readonly index: number }
  | { readonly id: number; readonly kind: "hash" | "dispose" };

/** What the worker sends back; `id` is that of the call, 0 for loading. */
export type WorkerReply =
  | { readonly id: number; readonly kind: "loaded"; readonly info: ModelInfo }
  | { readonly id: number; readonly kind: "piece"; readonly piece: StreamPiece }
  | {
      readonly id: number;
      readonly kind: "answer";
      readonly answer: Answer;
      readonly index: number;
    }
  | { readonly id: number; readonly kind: "done"; readonly value?: unknown }
  | { readonly id: number; readonly kind: "failed"; readonly error: SentError };

/** An error as it crosses a thread boundary. */
export interface SentError {
  readonly code: GroundsightErrorCode | undefined;
  readonly name: string;
  readonly message: string;
}

/**
 * A request in the form that crosses to the worker.
 *
 * @throws UnsupportedCapabilityError when its method cannot be rebuilt there from name and settings
 */
export function sentRequest({ method, signal: _, ...request }: GenerateRequest): SentRequest {
  // Paths stay text; a URL object does not survive the crossing.
  const image = request.image instanceof URL ? request.image.href : request.image;
  const rest = { ...request, ...(image === undefined ? {} : { image }) };
  if (method === undefined) return rest;
  if (typeof method.name === "string" && Object.hasOwn(METHODS, method.name)) {
    return { ...rest, method: { name: method.name, settings: method.settings } };
  }
  throw new UnsupportedCapabilityError(
    `method ${method.name}: a model in a worker takes registered methods (${Object.keys(METHODS).join(", ")}); load the model without worker to use your own`,
  );
}

/** The request as the worker runs it. */
export function receivedRequest(
  { method, ...request }: SentRequest,
  signal: AbortSignal,
): GenerateRequest {
  return {
    ...request,
    signal,
    ...(method === undefined ? {} : { method: methodNamed(method.name, method.settings) }),
  };
}

/** An error in the form that crosses to the main thread. */
export function sentError(error: unknown): SentError {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return { name, message, code: GroundsightError.isInstance(error) ? error.code : undefined };
}

/** The error as the main thread throws it: of the same code and name. */
export function receivedError({ code, name, message }: SentError): Error {
  const error = code === undefined ? new Error(message) : new GroundsightError(code, message);
  error.name = name;
  return error;
}
