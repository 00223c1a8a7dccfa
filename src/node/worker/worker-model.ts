import { Worker } from "node:worker_threads";
import type { Answer, AnswerStream, StreamPiece } from "../../engine/answer.js";
import type { SteeringDirections, SteeringStrengths } from "../../engine/directions.js";
import type { Method } from "../../engine/method.js";
import type { BatchOptions, Model } from "../../engine/model.js";
import type { ModelInfo } from "../../engine/model-info.js";
import type { Probe } from "../../engine/probe.js";
import type { GenerateRequest } from "../../engine/request.js";
import { InvalidArgumentError, UnsupportedCapabilityError } from "../../errors.js";
import { answerStream } from "../../model/answer-stream.js";
import { ofRequest } from "../../model/of-request.js";
import { steerModel } from "../../model/steered-model.js";
import type { LoadOptions } from "../load-options.js";
import { packageFile } from "../package-file.js";
import { WorkerCalls } from "./worker-calls.js";
import { type SentRequest, sentMethod, sentRequest } from "./worker-messages.js";

/** A model whose sessions run in a worker thread, so that a long prefill does not hold up this one. */
export class WorkerModel implements Model {
  readonly info: ModelInfo;
  readonly #worker: Worker;
  readonly #calls: WorkerCalls;
  readonly #sentAssets = new Set<string>();
  #disposal: Promise<void> | undefined;

  private constructor(worker: Worker, info: ModelInfo, calls: WorkerCalls) {
    this.#worker = worker;
    this.info = info;
    this.#calls = calls;
  }

  /** Starts a worker and loads the model there; see `load` for the arguments and errors. */
  static async load(
    name: string,
    options: Omit<LoadOptions, "onProgress" | "signal">,
  ): Promise<WorkerModel> {
    const program = packageFile("./model-worker.js", import.meta.url, "the worker of a model");
    const worker = new Worker(program, {
      workerData: { name, options },
      // Flags such as --input-type belong to the program's own entry point.
      execArgv: [],
    });
    const calls = new WorkerCalls(worker);
    const info = await calls.loaded().catch(async (error: unknown) => {
      await worker.terminate();
      throw error;
    });
    worker.unref();
    return new WorkerModel(worker, info as ModelInfo, calls);
  }

  async hash(): Promise<string> {
    this.#checkUsable();
    return (await this.#calls.call({ kind: "hash" })) as string;
  }

  async generate(request: GenerateRequest): Promise<Answer> {
    return this.#answer(request, request?.signal);
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
      this.#answer(request, signal, onPiece),
    );
  }

  async prepare(method: Method): Promise<void> {
    this.#checkUsable();
    this.#sendAssets(method);
    await this.#calls.call({ kind: "prepare", method: sentMethod(method) });
  }

  steer(directions: SteeringDirections, strengths: SteeringStrengths): Promise<Model> {
    return steerModel(this, directions, strengths);
  }

  async probe(): Promise<Probe> {
    throw new UnsupportedCapabilityError(
      "hidden states cannot be read through a worker; load the model without worker",
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
    if (!this.#calls.hasEnded) await this.#calls.call({ kind: "dispose" }).catch(() => undefined);
    await this.#worker.terminate();
  }

  async #answer(
    request: GenerateRequest,
    signal: AbortSignal | undefined,
    onPiece?: (piece: StreamPiece) => void,
  ): Promise<Answer> {
    const { signal: _, ...rest } = request ?? {};
    const signalled = (signal === undefined ? rest : { ...rest, signal }) as GenerateRequest;
    const [answer] = await this.generateBatch(
      [signalled],
      onPiece === undefined ? {} : { onPiece },
    );
    return answer!;
  }

  async #generate(
    requests: readonly GenerateRequest[],
    { maxStreams, onPiece, onAnswer }: BatchOptions,
    isSettled: boolean,
    results: {
      readonly onAnswer: (answer: Answer, index: number) => void;
      readonly onFailure?: (error: unknown, index: number) => void;
    },
  ): Promise<void> {
    this.#checkUsable();
    if (!Array.isArray(requests)) {
      throw new InvalidArgumentError(`requests: received ${typeof requests}; expected a list`);
    }
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
    for (const place of places) this.#sendAssets(requests[place]?.method);
    await this.#calls.call(
      { kind: "generate", requests: sent, maxStreams, isSettled },
      {
        onPiece: onPiece && ((piece, i) => onPiece(piece, places[i]!)),
        onFailure: (error, i) => results.onFailure?.(error, places[i]!),
        signals: places.map((place) => requests[place]?.signal),
        onAnswer(answer, i) {
          results.onAnswer(answer, places[i]!);
          onAnswer?.(answer, places[i]!);
        },
      },
    );
  }

  /** Large values cross once, ahead of the methods that name them. */
  #sendAssets(method: Method | undefined): void {
    for (const [key, value] of Object.entries(method?.assets ?? {})) {
      if (this.#sentAssets.has(key)) continue;
      this.#calls.tell({ kind: "asset", key, value });
      this.#sentAssets.add(key);
    }
  }

  #checkUsable(): void {
    if (this.#disposal !== undefined)
      throw new InvalidArgumentError("the model was disposed of; load it again");
  }
}
