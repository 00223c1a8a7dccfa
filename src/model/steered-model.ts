import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { checkNames } from "../arguments/check-names.js";
import type { Answer, AnswerStream } from "../engine/answer.js";
import { checkProbeOptions, checkRecord } from "../engine/batch-options.js";
import { checkMethod } from "../engine/check-method.js";
import type { SteeringDirections, SteeringStrengths } from "../engine/directions.js";
import type { ActiveEdit, Method, Stream } from "../engine/method.js";
import type { BatchOptions, Model, ProbeOptions } from "../engine/model.js";
import type { ModelInfo } from "../engine/model-info.js";
import type { Probe } from "../engine/probe.js";
import type { ReadAnswer, ReadOptions, ReadRequest } from "../engine/reading.js";
import type { GenerateRequest } from "../engine/request.js";
import { InvalidArgumentError } from "../errors.js";
import { directionsId, requireModel, steeringEdits, vti } from "../methods/vti.js";
import { answerStream } from "./answer-stream.js";

/**
 * A handle on a model whose every answer is steered: sugar for the method `vti` around each request's method.
 *
 * @throws InvalidArgumentError for directions of another model, missing ones, or a strength that is no number
 * @throws UnsupportedCapabilityError, ShapeError when the graphs cannot be patched so
 */
export async function steerModel(
  model: Model,
  directions: SteeringDirections,
  strengths: SteeringStrengths,
): Promise<Model> {
  checkRecord("strengths", strengths, "{ image: 0.4, text: 0.4 }");
  checkNames(strengths, ["image", "text"], "steering has no strength");
  const { image = 0, text = 0 } = strengths;
  const steered = new SteeredModel(model, directions, { image, text });
  await requireModel({ id: model.info.id, hash: () => model.hash() }, directions);
  await model.prepare(steered.method());
  return steered;
}

class SteeredModel implements Model {
  readonly #model: Model;
  readonly #directions: SteeringDirections;
  readonly #strengths: Required<SteeringStrengths>;
  readonly #edits: readonly ActiveEdit[];
  #isDisposed = false;

  constructor(
    model: Model,
    directions: SteeringDirections,
    strengths: Required<SteeringStrengths>,
  ) {
    this.#model = model;
    this.#directions = directions;
    this.#strengths = strengths;
    this.method();
    this.#edits = steeringEdits(directions, strengths);
  }

  /** A method on the steered model. */
  method(method?: Method): Method {
    const inner = method === undefined ? {} : { method };
    return vti({ directions: this.#directions, ...this.#strengths, ...inner });
  }

  get info(): ModelInfo {
    return { ...this.#model.info, steering: this.#strengths };
  }

  /** SHA-256 over the model's hash, the directions and their strengths. */
  async hash(): Promise<string> {
    this.#checkUsable();
    const { image, text } = this.#strengths;
    const facts = [await this.#model.hash(), directionsId(this.#directions), image, text];
    return bytesToHex(sha256(new TextEncoder().encode(JSON.stringify(facts))));
  }

  async generate(request: GenerateRequest): Promise<Answer> {
    return this.#model.generate(this.#steered(request));
  }

  async generateBatch(
    requests: readonly GenerateRequest[],
    options?: BatchOptions,
  ): Promise<Answer[]> {
    return this.#model.generateBatch(this.#allSteered(requests), options);
  }

  async generateSettled(
    requests: readonly GenerateRequest[],
    options?: BatchOptions,
  ): Promise<PromiseSettledResult<Answer>[]> {
    return this.#model.generateSettled(this.#allSteered(requests), options);
  }

  stream(request: GenerateRequest): AnswerStream {
    // A handle that was disposed of rejects as a stream does, instead of throwing here.
    if (this.#isDisposed) return answerStream(undefined, () => this.generate(request));
    return this.#model.stream(this.#steered(request));
  }

  async read(request: ReadRequest, options: ReadOptions): Promise<ReadAnswer> {
    this.#checkUsable();
    const { streams } = options ?? {};
    // What is no function is left for the model to refuse.
    if (streams !== undefined && typeof streams !== "function")
      return this.#model.read(request, options);
    const steered: ReadOptions["streams"] = (run) => {
      const [first, ...others] = streams?.(run) ?? [{ view: run.view }];
      return [this.#withEdits(first), ...others.map((stream) => this.#withEdits(stream))];
    };
    return this.#model.read(request, { ...options, streams: steered });
  }

  async encode(text: string): Promise<readonly number[]> {
    this.#checkUsable();
    return this.#model.encode(text);
  }

  async decode(tokens: readonly number[]): Promise<string> {
    this.#checkUsable();
    return this.#model.decode(tokens);
  }

  async prepare(method: Method): Promise<void> {
    this.#checkUsable();
    checkMethod(method);
    await this.#model.prepare(this.method(method));
  }

  async steer(): Promise<Model> {
    throw new InvalidArgumentError(
      "this handle is steered already; steer the model that it was made of, with both directions in one fit",
    );
  }

  async probe(options?: ProbeOptions): Promise<Probe> {
    this.#checkUsable();
    const { edits } = checkProbeOptions(options);
    return this.#model.probe({ edits: [...this.#edits, ...edits] });
  }

  async dispose(): Promise<void> {
    this.#isDisposed = true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #withEdits(stream: Stream): Stream {
    return { ...stream, edits: [...this.#edits, ...(stream.edits ?? [])] };
  }

  /** What is no list is left for the model to refuse. */
  #allSteered(requests: readonly GenerateRequest[]): readonly GenerateRequest[] {
    this.#checkUsable();
    if (!Array.isArray(requests)) return requests;
    return Array.from(requests, (request: GenerateRequest) => this.#steered(request));
  }

  #steered(request: GenerateRequest): GenerateRequest {
    this.#checkUsable();
    // What is no request or no method is left for the model to refuse.
    const isRequest = typeof request === "object" && request !== null;
    const method = request?.method;
    const isMethod = method === undefined || isWholeMethod(method);
    return isRequest && isMethod ? { ...request, method: this.method(method) } : request;
  }

  #checkUsable(): void {
    if (this.#isDisposed) {
      throw new InvalidArgumentError("the steered model was disposed of; steer the model again");
    }
  }
}

function isWholeMethod(method: unknown): boolean {
  try {
    checkMethod(method);
    return true;
  } catch {
    return false;
  }
}
