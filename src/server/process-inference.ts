import { setTimeout as delay } from "node:timers/promises";
import type { ChatEvents, ChatJob, ChatResult } from "../chat/chat-job.js";
import { AbortedError, type DownloadProgress, InferenceError } from "../index.js";
import type { Inference, ServedModel } from "./inference.js";
import { InferenceProcess } from "./inference-process.js";
import type { ServingPlan } from "./process-messages.js";

/** Longest pause before models that could not be loaded again are tried once more. */
const LONGEST_PAUSE_MS = 30_000;

/** How long a request waits for the models to be loaded again, by default. */
const WAIT_MS = 30_000;

/** Options of {@link processInference}. */
export interface ProcessInferenceOptions extends ServingPlan {
  /** Longest time, in milliseconds, that a request waits for models that are being loaded again. Default 30 000. */
  readonly restartWaitMs?: number;
  /** Told how far the downloads of hub models have come. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Told that the process has ended, or could not load the models again, and how. */
  readonly onEnd?: (how: string) => void;
  /** Ends the first loading. */
  readonly signal?: AbortSignal;
}

/** Models in another process. */
export interface ProcessInference extends Inference {
  /** Times that the models were loaded again. */
  readonly restarts: number;
  /** The process in which they are; undefined while there is none. */
  readonly pid: number | undefined;
}

/**
 * Serves models in a process of their own: a long prefill does not hold up this one, and a crash of native code ends only
 * what is being answered. The next requests are answered by a new process.
 *
 * @throws as `load`, for the models and the default method
 */
export async function processInference({
  restartWaitMs = WAIT_MS,
  onProgress,
  onEnd,
  signal,
  ...plan
}: ProcessInferenceOptions): Promise<ProcessInference> {
  const first = await InferenceProcess.start(plan, onProgress, signal);
  return new RestartingInference(first, plan, restartWaitMs, onEnd);
}

class RestartingInference implements ProcessInference {
  models: readonly ServedModel[];
  restarts = 0;
  readonly #plan: ServingPlan;
  readonly #waitMs: number;
  readonly #onEnd: ProcessInferenceOptions["onEnd"];
  readonly #closing = new AbortController();
  /** The process that answers; undefined while models are loaded again. */
  #process: InferenceProcess | undefined;
  /** The loading under way. */
  #restart: Promise<InferenceProcess> | undefined;
  #closed: Promise<void> | undefined;

  constructor(
    first: InferenceProcess,
    plan: ServingPlan,
    waitMs: number,
    onEnd: ProcessInferenceOptions["onEnd"],
  ) {
    this.models = first.models;
    this.#plan = plan;
    this.#waitMs = waitMs;
    this.#onEnd = onEnd;
    this.#use(first);
  }

  get isReady(): boolean {
    return this.#process !== undefined;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  async chat(model: string, job: ChatJob, events: ChatEvents = {}): Promise<ChatResult> {
    const process = this.#process ?? (await this.#awaited(events.signal));
    return process.chat(model, job, events);
  }

  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    this.#closing.abort();
    await running?.close();
    await this.#restart?.catch(() => {});
  }

  #use(process: InferenceProcess): void {
    this.#process = process;
    this.models = process.models;
    void process.ended.then((how) => {
      if (this.#closing.signal.aborted) return;
      this.#process = undefined;
      this.#onEnd?.(`the process of the models has ended (${how})`);
      this.#restart = this.#started();
      this.#restart.catch(() => {});
    });
  }

  /** A new process: at once, then after pauses that grow. @throws AbortedError when closed meanwhile */
  async #started(): Promise<InferenceProcess> {
    const { signal } = this.#closing;
    for (let pause = 1000; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      try {
        const process = await InferenceProcess.start(this.#plan, undefined, signal);
        this.restarts++;
        this.#use(process);
        return process;
      } catch (error) {
        if (signal.aborted) throw error;
        this.#onEnd?.(`the models could not be loaded again: ${(error as Error).message}`);
        await delay(pause, undefined, { signal, ref: false });
      }
    }
  }

  /** The process that is being started. @throws InferenceError when that takes too long or it is closed; AbortedError */
  #awaited(signal: AbortSignal | undefined): Promise<InferenceProcess> {
    const closing = this.#closing.signal;
    return new Promise((resolve, reject) => {
      const end = () => {
        if (signal?.aborted) reject(new AbortedError("aborted after 0 tokens"));
        else if (closing.aborted) reject(new InferenceError("the models are no longer served"));
        else
          reject(
            new InferenceError(
              `the models are being loaded again, since more than ${this.#waitMs / 1000} s; send the request again later`,
            ),
          );
        forget();
      };
      const limit = setTimeout(end, this.#waitMs);
      const forget = () => {
        clearTimeout(limit);
        for (const one of [signal, closing]) one?.removeEventListener("abort", end);
      };
      for (const one of [signal, closing]) one?.addEventListener("abort", end);
      if (signal?.aborted || closing.aborted) end();
      else {
        this.#restart?.then((process) => {
          forget();
          resolve(process);
        }, end);
      }
    });
  }
}
