import { Worker } from "node:worker_threads";
import type { Answer, AnswerStream, StreamPiece } from "../engine/answer.js";
import type { BatchOptions, Model, ModelInfo } from "../engine/model.js";
import { PieceQueue } from "../engine/piece-queue.js";
import type { Probe } from "../engine/probe.js";
import type { GenerateRequest } from "../engine/request.js";
import { InferenceError, InvalidArgumentError, UnsupportedCapabilityError } from "../errors.js";
import type { LoadOptions } from "./load-options.js";
import {
  receivedError,
  sentRequest,
  type WorkerCall,
  type WorkerReply,
} from "./worker-messages.js";

interface PendingCall {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly onPiece?: ((piece: StreamPiece) => void) | undefined;
  readonly onAnswer?: ((answer: Answer, index: number) => void) | undefined;
}

/** A model whose sessions run in a worker thread, so that a long prefill does not hold up this one. */
export class WorkerModel implements Model {
  readonly info: ModelInfo;
  readonly #worker: Worker;
  readonly #calls: Map<number, PendingCall>;
  #lastId = 0;
  #isDisposed = false;

  private constructor(worker: Worker, info: ModelInfo, calls: Map<number, PendingCall>) {
    this.#worker = worker;
    this.info = info;
    this.#calls = calls;
  }

  /** Starts a worker and loads the model there; see `load` for the arguments and errors. */
  static async load(
    name: string,
    options: Omit<LoadOptions, "onProgress" | "signal">,
  ): Promise<WorkerModel> {
    const worker = new Worker(new URL("./model-worker.js", import.meta.url), {
      workerData: { name, options },
      // Flags such as --input-type belong to the program's own entry point.
      execArgv: [],
    });
    const calls = new Map<number, PendingCall>();
    const failAll = (error: Error) => {
      for (const call of calls.values()) call.reject(error);
      calls.clear();
    };
    worker.on("error", (cause) =>
      failAll(new InferenceError(`the model's worker failed: ${cause.message}`, { cause })),
    );
    worker.on("exit", () => failAll(new InferenceError("the model's worker has ended")));
    worker.on("message", (message: WorkerReply) => settle(calls, message));
    const info = await new Promise<unknown>((resolve, reject) => {
      calls.set(0, { resolve, reject });
    }).catch(async (error: unknown) => {
      await worker.terminate();
      throw error;
    });
    // An idle model does not keep the process alive; a call under way does.
    worker.unref();
    return new WorkerModel(worker, info as ModelInfo, calls);
  }

  async hash(): Promise<string> {
    return (await this.#call({ kind: "hash" })) as string;
  }

  async generate(request: GenerateRequest): Promise<Answer> {
    return this.#answer(request, () => {});
  }

  async generateBatch(
    requests: readonly GenerateRequest[],
    options: BatchOptions = {},
  ): Promise<Answer[]> {
    const [only] = requests;
    if (requests.length === 1) {
      const answer = await this.generate(only!);
      options.onAnswer?.(answer, 0);
      return [answer];
    }
    const answers: Answer[] = [];
    const sent = requests.map(sentRequest);
    await this.#call(
      { kind: "generate", requests: sent, maxStreams: options.maxStreams },
      {
        signals: requests.map(({ signal }) => signal),
        onAnswer(answer, index) {
          answers[index] = answer;
          options.onAnswer?.(answer, index);
        },
      },
    );
    return answers;
  }

  stream(request: GenerateRequest): AnswerStream {
    const queue = new PieceQueue<StreamPiece>();
    const left = new AbortController();
    const signal =
      request.signal === undefined ? left.signal : AbortSignal.any([request.signal, left.signal]);
    const answer = this.#answer({ ...request, signal }, (piece) => queue.push(piece));
    answer.then(
      () => queue.end(),
      (error) => queue.fail(error),
    );
    return { answer, [Symbol.asyncIterator]: () => queue.iterate(() => left.abort()) };
  }

  async steer(): Promise<Model> {
    throw new UnsupportedCapabilityError(
      "a model in a worker cannot be steered; load it without worker",
    );
  }

  async probe(): Promise<Probe> {
    throw new UnsupportedCapabilityError(
      "hidden states cannot be read through a worker; load the model without worker",
    );
  }

  async dispose(): Promise<void> {
    if (this.#isDisposed) return;
    await this.#call({ kind: "dispose" });
    this.#isDisposed = true;
    await this.#worker.terminate();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  async #answer(request: GenerateRequest, onPiece: (piece: StreamPiece) => void): Promise<Answer> {
    let answer: Answer | undefined;
    await this.#call(
      { kind: "generate", requests: [sentRequest(request)] },
      {
        onPiece,
        signals: [request.signal],
        onAnswer: (received) => {
          answer = received;
        },
      },
    );
    return answer!;
  }

  async #call(
    call: Call,
    events: Pick<PendingCall, "onPiece" | "onAnswer"> & {
      readonly signals?: readonly (AbortSignal | undefined)[];
    } = {},
  ): Promise<unknown> {
    if (this.#isDisposed)
      throw new InvalidArgumentError("the model was disposed of; load it again");
    const id = ++this.#lastId;
    const aborts = (events.signals ?? []).map((signal, index) => ({
      signal,
      send: () => this.#worker.postMessage({ id, kind: "abort", index } satisfies WorkerCall),
    }));
    this.#worker.ref();
    try {
      return await new Promise<unknown>((resolve, reject) => {
        this.#calls.set(id, { resolve, reject, ...events });
        this.#worker.postMessage({ ...call, id } as WorkerCall);
        for (const { signal, send } of aborts) {
          if (signal?.aborted) send();
          else signal?.addEventListener("abort", send, { once: true });
        }
      });
    } finally {
      for (const { signal, send } of aborts) signal?.removeEventListener("abort", send);
      if (this.#calls.size === 0) this.#worker.unref();
    }
  }
}

type Call = WorkerCall extends infer Each
  ? Each extends WorkerCall
    ? Omit<Each, "id">
    : never
  : never;

/** Hands a reply to the call it belongs to. */
function settle(calls: Map<number, PendingCall>, message: WorkerReply): void {
  const call = calls.get(message.id);
  if (call === undefined) return;
  if (message.kind === "piece") call.onPiece?.(message.piece);
  else if (message.kind === "answer") call.onAnswer?.(message.answer, message.index);
  else {
    calls.delete(message.id);
    if (message.kind === "failed") call.reject(receivedError(message.error));
    else call.resolve(message.kind === "loaded" ? message.info : message.value);
  }
}
