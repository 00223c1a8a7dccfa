import { GroundsightError, InvalidArgumentError } from "../errors.js";
import type { Answer, AnswerStream, StreamPiece } from "./answer.js";
import { Generator } from "./generator.js";
import { ORIGINAL_IMAGE } from "./image-variant.js";
import type { Method } from "./method.js";
import type { BatchOptions, Model, ModelInfo } from "./model.js";
import type { ModelParts } from "./model-parts.js";
import { PieceQueue } from "./piece-queue.js";
import { Probe } from "./probe.js";
import type { GenerateRequest } from "./request.js";
import { type RequestOptions, requestOptions } from "./request-options.js";
import { type SteeringDirections, type SteeringStrengths, steeredParts } from "./steering.js";

const DEFAULT_MAX_STREAMS = 16;

/** A model whose sessions run in this thread. */
export class LoadedModel implements Model {
  readonly #parts: ModelParts;
  readonly #generator: Generator;
  readonly #defaultMethod: Method;
  #isDisposed = false;

  /**
   * @param defaultMethod what a request gets that names no method
   * @throws ModelLoadError when the decoder graph is not one that the engine can run
   */
  constructor(parts: ModelParts, defaultMethod: Method) {
    this.#defaultMethod = defaultMethod;
    this.#parts = parts;
    this.#generator = new Generator(parts);
  }

  get info(): ModelInfo {
    return this.#parts.info;
  }

  hash(): Promise<string> {
    return this.#parts.hash();
  }

  async generate(request: GenerateRequest): Promise<Answer> {
    const [answer] = await this.#generator.run([this.#options(request)], DEFAULT_MAX_STREAMS);
    return answer!;
  }

  async generateBatch(
    requests: readonly GenerateRequest[],
    options: BatchOptions = {},
  ): Promise<Answer[]> {
    const { maxStreams = DEFAULT_MAX_STREAMS, onAnswer } = options;
    if (!(Number.isInteger(maxStreams) && maxStreams >= 1)) {
      throw new InvalidArgumentError(
        `maxStreams: received ${maxStreams}; expected an integer of at least 1`,
      );
    }
    const checked = requests.map((request, index) => {
      try {
        return this.#options(request);
      } catch (error) {
        if (GroundsightError.isInstance(error))
          error.message = `request ${index}: ${error.message}`;
        throw error;
      }
    });
    return this.#generator.run(checked, maxStreams, onAnswer === undefined ? {} : { onAnswer });
  }

  stream(request: GenerateRequest): AnswerStream {
    const queue = new PieceQueue<StreamPiece>();
    const left = new AbortController();
    const run = async () => {
      const options = this.#options(request);
      const signal =
        options.signal === undefined ? left.signal : AbortSignal.any([options.signal, left.signal]);
      const [answer] = await this.#generator.run([{ ...options, signal }], DEFAULT_MAX_STREAMS, {
        onPiece: (piece) => queue.push(piece),
      });
      return answer!;
    };
    const answer = run();
    answer.then(
      () => queue.end(),
      (error) => queue.fail(error),
    );
    return { answer, [Symbol.asyncIterator]: () => queue.iterate(() => left.abort()) };
  }

  async steer(directions: SteeringDirections, strengths: SteeringStrengths): Promise<Model> {
    const parts = await steeredParts(this.#parts, directions, strengths);
    return new LoadedModel(parts, this.#defaultMethod);
  }

  probe(): Promise<Probe> {
    const { vision } = this.#generator;
    return Probe.open(this.#parts, (image) => vision.features(image, ORIGINAL_IMAGE));
  }

  async dispose(): Promise<void> {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    await this.#parts.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #options(request: GenerateRequest): RequestOptions {
    if (this.#isDisposed)
      throw new InvalidArgumentError("the model was disposed of; load it again");
    return requestOptions(request, {
      method: this.#defaultMethod,
      maxTokens: this.#parts.defaultMaxTokens,
    });
  }
}
