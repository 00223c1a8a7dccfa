import type { Worker } from "node:worker_threads";
import { whenAborted } from "../../engine/abort.js";
import type { Answer, StreamPiece } from "../../engine/answer.js";
import { InferenceError, InvalidArgumentError, receivedError } from "../../errors.js";
import type { WorkerCall, WorkerReply } from "./worker-messages.js";

/** A call without its id. */
export type Call = WorkerCall extends infer Each
  ? Each extends WorkerCall
    ? Omit<Each, "id">
    : never
  : never;

/** What may happen before a call is done. */
export interface CallEvents {
  readonly onPiece?: ((piece: StreamPiece, index: number) => void) | undefined;
  readonly onAnswer?: ((answer: Answer, index: number) => void) | undefined;
  readonly onFailure?: ((error: unknown, index: number) => void) | undefined;
  /** Abort the request of their index. */
  readonly signals?: readonly (AbortSignal | undefined)[];
}

interface PendingCall extends CallEvents {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Calls of a worker with their replies. When the worker ends, calls in flight and all later ones fail; none hangs. */
export class WorkerCalls {
  readonly #worker: Worker;
  readonly #pending = new Map<number, PendingCall>();
  #lastId = 0;
  #end: InferenceError | undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.on("error", (cause) =>
      this.#failAll(
        new InferenceError(
          `the model's worker failed: ${cause.message}; the next call starts a new one`,
          {
            cause,
          },
        ),
      ),
    );
    worker.on("exit", () =>
      this.#failAll(
        new InferenceError("the model's worker has ended; the next call starts a new one"),
      ),
    );
    worker.on("message", (message: WorkerReply) => this.#settle(message));
  }

  /** Whether the worker has ended. */
  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** What the worker says when it has loaded the model. */
  loaded(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#pending.set(0, { resolve, reject });
    });
  }

  /** Sends what gets no reply. */
  tell(call: Call): void {
    if (this.#end === undefined) this.#post({ ...call, id: 0 } as WorkerCall);
  }

  /** Makes a call and waits for its end. */
  async call(call: Call, events: CallEvents = {}): Promise<unknown> {
    if (this.#end !== undefined) throw this.#end;
    const id = ++this.#lastId;
    const aborts = (events.signals ?? []).map((signal, index) => ({
      signal,
      send: () => this.#worker.postMessage({ id, kind: "abort", index } satisfies WorkerCall),
    }));
    const forget: (() => void)[] = [];
    this.#worker.ref();
    try {
      return await new Promise<unknown>((resolve, reject) => {
        this.#pending.set(id, { resolve, reject, ...events });
        this.#post({ ...call, id } as WorkerCall);
        for (const { signal, send } of aborts) {
          if (signal?.aborted) send();
          else if (signal !== undefined) forget.push(whenAborted(signal, send));
        }
      });
    } finally {
      this.#pending.delete(id);
      for (const one of forget) one();
      // An idle model does not keep the process alive; a call under way does.
      if (this.#pending.size === 0) this.#worker.unref();
    }
  }

  #post(call: WorkerCall): void {
    try {
      this.#worker.postMessage(call);
    } catch (cause) {
      throw new InvalidArgumentError(
        `the request cannot cross to the model's worker: ${(cause as Error).message}`,
        { cause },
      );
    }
  }

  #failAll(error: InferenceError): void {
    this.#end ??= error;
    for (const call of this.#pending.values()) call.reject(this.#end);
    this.#pending.clear();
  }

  /** Hands a reply to the call it belongs to; what the caller's own functions throw fails the call. */
  #settle(message: WorkerReply): void {
    const call = this.#pending.get(message.id);
    if (call === undefined) return;
    try {
      if (message.kind === "piece") call.onPiece?.(message.piece, message.index);
      else if (message.kind === "answer") call.onAnswer?.(message.answer, message.index);
      else if (message.kind === "failure") {
        call.onFailure?.(receivedError(message.error), message.index);
      } else if (message.kind === "failed") call.reject(receivedError(message.error));
      else call.resolve(message.kind === "loaded" ? message.info : message.value);
    } catch (error) {
      call.reject(error);
    }
  }
}
