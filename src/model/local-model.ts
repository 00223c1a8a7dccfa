import type { Answer, AnswerStream, StreamPiece } from "../engine/answer.js";
import { Answering, type RequestGroup, requestGroup } from "../engine/answering.js";
import type { Backend } from "../engine/backend.js";
import { checkBatch, checkProbeOptions } from "../engine/batch-options.js";
import { checkMethod, checkNeeds } from "../engine/check-method.js";
import type { SteeringDirections, SteeringStrengths } from "../engine/directions.js";
import type { Method } from "../engine/method.js";
import type { BatchOptions, Model, ProbeOptions } from "../engine/model.js";
import type { ModelInfo } from "../engine/model-info.js";
import type { Probe } from "../engine/probe.js";
import type { ReadAnswer, ReadOptions, ReadRequest } from "../engine/reading.js";
import { checkTokens, readingOptions } from "../engine/reading-options.js";
import type { GenerateRequest } from "../engine/request.js";
import { type RequestOptions, requestOptions } from "../engine/request-options.js";
import { type Load, Scheduler } from "../engine/scheduler.js";
import { Told } from "../engine/told.js";
import { InvalidArgumentError } from "../errors.js";
import { regular } from "../methods/regular.js";
import { answerStream } from "./answer-stream.js";
import { ofRequest } from "./of-request.js";
import { steerModel } from "./steered-model.js";

const DEFAULT_MAX_STREAMS = 16;

/** Settings of a handle. */
export interface LocalModelOptions {
  /** Bound of the memory that contexts being decoded take, in bytes. Default 1 GiB. */
  readonly liveBytes?: number;
}

/** A model whose backend runs in this thread. */
export class LocalModel implements Model {
  readonly #backend: Backend;
  readonly #scheduler: Scheduler;
  readonly #answering: Answering;
  /** Single requests share a bound, so that many at a time do not slow each other down without limit. */
  readonly #single = requestGroup(DEFAULT_MAX_STREAMS);
  #disposal: Promise<void> | undefined;

  constructor(backend: Backend, { liveBytes = 2 ** 30 }: LocalModelOptions = {}) {
    this.#backend = backend;
    this.#scheduler = new Scheduler(backend, liveBytes);
    this.#answering = new Answering(backend, this.#scheduler);
  }

  get info(): ModelInfo {
    return this.#backend.info;
  }

  /** What is decoded and what waits, at this moment. */
  get load(): Load {
    const { waiting, ...load } = this.#scheduler.load;
    return { ...load, waiting: waiting + this.#answering.queued };
  }

  async hash(): Promise<string> {
    this.#checkUsable();
    return this.#backend.hash();
  }

  async generate(request: GenerateRequest): Promise<Answer> {
    return this.#answer(this.#options(request), this.#single);
  }

  async generateBatch(
    given: readonly GenerateRequest[],
    givenOptions?: BatchOptions,
  ): Promise<Answer[]> {
    const { requests, options } = checkBatch(given, givenOptions);
    const group = this.#groupOf(requests, options);
    const { length: count } = requests;
    const checked = requests.map((request, i) => atRequest(i, count, () => this.#options(request)));
    const results = await Promise.allSettled(
      checked.map((one, i) => this.#answerOf(one, i, count, group, options)),
    );
    return results.map((result) => {
      if (result.status === "rejected") throw result.reason;
      return result.value;
    });
  }

  async generateSettled(
    given: readonly GenerateRequest[],
    givenOptions?: BatchOptions,
  ): Promise<PromiseSettledResult<Answer>[]> {
    const { requests, options } = checkBatch(given, givenOptions);
    const group = this.#groupOf(requests, options);
    return Promise.allSettled(
      requests.map(async (request, i) =>
        this.#answerOf(this.#options(request), i, 1, group, options),
      ),
    );
  }

  stream(request: GenerateRequest): AnswerStream {
    return answerStream(request?.signal, async (signal, onPiece) =>
      this.#answer({ ...this.#options(request), signal }, this.#single, onPiece),
    );
  }

  async read(asked: ReadRequest, given: ReadOptions): Promise<ReadAnswer> {
    this.#checkUsable();
    const { request, answer, options } = readingOptions(asked, given, this.#backend);
    return this.#answering.read(request, answer, options, this.#single);
  }

  async encode(text: string): Promise<readonly number[]> {
    this.#checkUsable();
    return this.#backend.encode(text);
  }

  async decode(tokens: readonly number[]): Promise<string> {
    this.#checkUsable();
    return this.#backend.decode(checkTokens(tokens, this.info));
  }

  async prepare(method: Method): Promise<void> {
    this.#checkUsable();
    checkMethod(method);
    checkNeeds(method, this.#backend);
    await this.#backend.prepare(method.needs.edits ?? []);
  }

  steer(directions: SteeringDirections, strengths: SteeringStrengths): Promise<Model> {
    return steerModel(this, directions, strengths);
  }

  async probe(options?: ProbeOptions): Promise<Probe> {
    this.#checkUsable();
    const { edits } = checkProbeOptions(options);
    return this.#backend.probe(edits);
  }

  dispose(): Promise<void> {
    this.#disposal ??= this.#answering.stop().then(() => this.#backend.release());
    return this.#disposal;
  }

  /** As `dispose`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #groupOf(requests: readonly GenerateRequest[], { maxStreams }: BatchOptions): RequestGroup {
    if (maxStreams === undefined && requests.length === 1) return this.#single;
    return requestGroup(maxStreams ?? DEFAULT_MAX_STREAMS);
  }

  async #answerOf(
    checked: RequestOptions,
    index: number,
    count: number,
    group: RequestGroup,
    { onPiece, onAnswer }: BatchOptions,
  ): Promise<Answer> {
    const told = new Told();
    const onOwnPiece = onPiece && ((piece: StreamPiece) => told.call(onPiece, piece, index));
    const answer = await this.#answer(checked, group, onOwnPiece).catch((error: unknown) => {
      throw ofRequest(index, count, error);
    });
    told.call(onAnswer, answer, index);
    await told.settled();
    return answer;
  }

  async #answer(
    options: RequestOptions,
    group: RequestGroup,
    onPiece?: (piece: StreamPiece) => void,
  ): Promise<Answer> {
    this.#checkUsable();
    return this.#answering.answer(options, group, onPiece);
  }

  #options(request: GenerateRequest): RequestOptions {
    this.#checkUsable();
    const { defaultMaxTokens } = this.#backend.facts;
    const options = requestOptions(request, { method: regular(), maxTokens: defaultMaxTokens });
    checkNeeds(options.method, this.#backend);
    return options;
  }

  #checkUsable(): void {
    if (this.#disposal !== undefined)
      throw new InvalidArgumentError("the model was disposed of; load it again");
  }
}

function atRequest<T>(index: number, count: number, task: () => T): T {
  try {
    return task();
  } catch (error) {
    throw ofRequest(index, count, error);
  }
}
