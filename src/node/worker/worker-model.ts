import type { Answer, AnswerStream, StreamPiece } from "../../engine/answer.js";
import { checkBatch } from "../../engine/batch-options.js";
import type { SteeringDirections, SteeringStrengths } from "../../engine/directions.js";
import type { Method } from "../../engine/method.js";
import type { BatchOptions, Model } from "../../engine/model.js";
import type { ModelInfo } from "../../engine/model-info.js";
import type { Probe } from "../../engine/probe.js";
import type { ReadAnswer } from "../../engine/reading.js";
import type { GenerateRequest } from "../../engine/request.js";
import { checkSignal } from "../../engine/request-options.js";
import { Told } from "../../engine/told.js";
import { InvalidArgumentError, UnsupportedCapabilityError } from "../../errors.js";
import { answerStream } from "../../model/answer-stream.js";
import { ofRequest } from "../../model/of-request.js";
import { steerModel } from "../../model/steered-model.js";
import type { LoadOptions } from "../load-options.js";
import { type SentRequest, sentMethod, sentRequest } from "./worker-messages.js";
import { WorkerThread } from "./worker-thread.js";

/**
 * A model whose sessions run in a worker thread, so that a long prefill does not hold up this one. When the thread
 * dies, what it was answering fails, and the next call starts another.
 */
export class WorkerModel implements Model {
  readonly info: ModelInfo;
  readonly #start: () => Promise<WorkerThread>;
  #thread: WorkerThread;
  #restart: Promise<WorkerThread> | undefined;
  #disposal: Promise<void> | undefined;

  private constructor(thread: WorkerThread, start: () => Promise<WorkerThread>) {
    this.info = thread.info;
    this.#thread = thread;
    this.#start = start;
  }

  /** Starts a worker and loads the model there; see `load` for the arguments and errors. */
  static async load(
    name: string,
    options: Omit<LoadOptions, "onProgress" | "signal">,
  ): Promise<WorkerModel> {
    const start = () => WorkerThread.start(name, options);
    return new WorkerModel(await start(), start);
  }

  async hash(): Promise<string> {
    const { calls } = await this.#alive();
    return (await calls.call({ kind: "hash" })) as string;
  }

  async generate(request: GenerateRequest): Promise<Answer> {
    const [answer] = await this.generateBatch([request]);
    return answer!;
  }

  async generateBatch(
    requests: readonly GenerateRequest[],
    options: BatchOptions = {},
  ): Promise<Answer[]> {
    const answers: Answer[] = [];
    await this.#generate(requests, options, false, {
      onAnswer: (answer, index) => {
        answers[index] = answer;
      },
    });
    return answers;
  }

  async generateSettled(
    requests: readonly GenerateRequest[],
    options: BatchOptions = {},
  ): Promise<PromiseSettledResult<Answer>[]> {
    const results: PromiseSettledResult<Answer>[] = [];
    await this.#generate(requests, options, true, {
      onAnswer: (value, index) => {
        results[index] = { status: "fulfilled", value };
      },
      onFailure: (reason, index) => {
        results[index] = { status: "rejected", reason };
      },
    });
    return results;
  }

  stream(request: GenerateRequest): AnswerStream {
    return answerStream(request?.signal, (signal, onPiece) =>
      this.#streamed(request, signal, onPiece),
    );
  }

  async encode(text: string): Promise<readonly number[]> {
    const thread = await this.#alive();
    return (await thread.calls.call({ kind: "encode", text })) as readonly number[];
  }

  async decode(tokens: readonly number[]): Promise<string> {
    const thread = await this.#alive();
    return (await thread.calls.call({ kind: "decode", tokens })) as string;
  }

  async prepare(method: Method): Promise<void> {
    const sent = sentMethod(method);
    const thread = await this.#alive();
    thread.sendAssets([method]);
    const prepared = thread.calls.call({ kind: "prepare", method: sent });
    thread.dropAssets();
    await prepared;
  }

  steer(directions: SteeringDirections, strengths: SteeringStrengths): Promise<Model> {
    return steerModel(this, directions, strengths);
  }

  async probe(): Promise<Probe> {
    throw new UnsupportedCapabilityError(
      "hidden states cannot be read through a worker; load the model without worker",
    );
  }

  async read(): Promise<ReadAnswer> {
    throw new UnsupportedCapabilityError(
      "an answer cannot be read through a worker, whose logits stay in its thread; load the model without worker",
    );
  }

  dispose(): Promise<void> {
    this.#disposal ??= this.#end();
    return this.#disposal;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  async #end(): Promise<void> {
    await this.#restart?.catch(() => undefined);
    await this.#thread.end();
  }

  /** The thread, or a new one where it has ended. */
  async #alive(): Promise<WorkerThread> {
    this.#checkUsable();
    if (!this.#thread.calls.hasEnded) return this.#thread;
    this.#restart ??= this.#start()
      .then((thread) => {
        this.#thread = thread;
        return thread;
      })
      .finally(() => {
        this.#restart = undefined;
      });
    await this.#restart;
    this.#checkUsable();
    return this.#thread;
  }

  async #streamed(
    request: GenerateRequest,
    signal: AbortSignal,
    onPiece: (piece: StreamPiece) => void,
  ): Promise<Answer> {
    checkSignal(request?.signal);
    // What is no request is left for the worker's model to refuse.
    const isRequest = typeof request === "object" && request !== null;
    const [answer] = await this.generateBatch([isRequest ? { ...request, signal } : request], {
      onPiece,
    });
    return answer!;
  }

  async #generate(
    given: readonly GenerateRequest[],
    givenOptions: BatchOptions,
    isSettled: boolean,
    results: {
      readonly onAnswer: (answer: Answer, index: number) => void;
      readonly onFailure?: (error: unknown, index: number) => void;
    },
  ): Promise<void> {
    this.#checkUsable();
    const { requests, options } = checkBatch(given, givenOptions);
    const { maxStreams, onPiece, onAnswer } = options;
    const sent: SentRequest[] = [];
    /** Which of the requests each sent one is. */
    const places: number[] = [];
    requests.forEach((request, index) => {
      try {
        sent.push(sentRequest(request));
        places.push(index);
      } catch (error) {
        if (!isSettled) throw ofRequest(index, requests.length, error);
        results.onFailure?.(error, index);
      }
    });
    const told = new Told();
    const thread = await this.#alive();
    thread.sendAssets(places.map((place) => requests[place]?.method));
    const called = thread.calls.call(
      { kind: "generate", requests: sent, maxStreams, isSettled },
      {
        onPiece: onPiece && ((piece, i) => told.call(onPiece, piece, places[i]!)),
        onFailure: (error, i) => results.onFailure?.(error, places[i]!),
        signals: places.map((place) => requests[place]?.signal),
        onAnswer(answer, i) {
          results.onAnswer(answer, places[i]!);
          told.call(onAnswer, answer, places[i]!);
        },
      },
    );
    thread.dropAssets();
    await called;
    await told.settled();
  }

  #checkUsable(): void {
    if (this.#disposal !== undefined)
      throw new InvalidArgumentError("the model was disposed of; load it again");
  }
}
