import { GroundsightError } from "../errors.js";
import { argMax } from "../math/arg-max.js";
import { SeededRandom } from "../math/seeded-random.js";
import type { Answer, StreamPiece } from "./answer.js";
import { BoundedCache } from "./bounded-cache.js";
import { type DecodingMachinery, decodeTogether } from "./decode-together.js";
import { Decoder } from "./decoder.js";
import { ORIGINAL_IMAGE } from "./image-variant.js";
import type {
  DecodedText,
  DecodeOptions,
  JsonValue,
  MethodRun,
  MethodSession,
  Stream,
} from "./method.js";
import type { ModelParts, OpenedImage } from "./model-parts.js";
import { layOutPrompt } from "./prompt.js";
import type { RequestOptions } from "./request-options.js";
import { Sequence } from "./sequence.js";
import { Vision } from "./vision.js";

/** How many entries {@link MethodRun.remember} keeps. */
const REMEMBERED = 256;

/** A request under way: its options, image and clock. */
interface Job {
  readonly options: RequestOptions;
  readonly image: OpenedImage | undefined;
  readonly startedAt: number;
  readonly details: Record<string, JsonValue>;
  imageMs: number;
}

/** Receives what happens to each request. */
export interface GeneratorEvents {
  readonly onPiece?: (piece: StreamPiece, index: number) => void;
  readonly onAnswer?: (answer: Answer, index: number) => void;
}

/** Turns checked requests into answers: opens images, starts methods, decodes in batches. */
export class Generator {
  readonly #parts: ModelParts;
  readonly #machinery: DecodingMachinery;
  readonly #remembered = new BoundedCache<Promise<unknown>>(REMEMBERED);
  readonly vision: Vision;

  constructor(parts: ModelParts) {
    this.#parts = parts;
    this.vision = new Vision(parts);
    this.#machinery = {
      parts,
      decoder: new Decoder(parts.runtime, parts.decoder),
      prefixes: new BoundedCache(parts.memory.prefixBytes),
    };
  }

  /**
   * Answers requests, as many at once as `maxStreams` streams allow. All run to their end; then the first failure, if
   * any, is thrown.
   */
  async run(
    requests: readonly RequestOptions[],
    maxStreams: number,
    events: GeneratorEvents = {},
  ): Promise<Answer[]> {
    const answers: Answer[] = [];
    const failures: unknown[] = [];
    let batch: { index: number; job: Job; sequence: Sequence }[] = [];
    const flush = async () => {
      await decodeTogether(
        this.#machinery,
        batch.map(({ sequence }) => sequence),
      );
      for (const { index, job, sequence } of batch) {
        try {
          const answer = describeAnswer(job, sequence);
          answers[index] = answer;
          events.onAnswer?.(answer, index);
        } catch (error) {
          failures.push(error);
        }
      }
      batch = [];
    };
    for (const [index, options] of requests.entries()) {
      try {
        const job = await this.#open(options);
        const sequence = await this.#start(job, (piece) => events.onPiece?.(piece, index));
        const streams = batch.reduce((sum, other) => sum + other.sequence.prompts.length, 0);
        if (streams > 0 && streams + sequence.prompts.length > maxStreams) await flush();
        batch.push({ index, job, sequence });
      } catch (error) {
        failures.push(requests.length > 1 ? atRequest(index, error) : error);
      }
    }
    await flush();
    if (failures.length > 0) throw failures[0];
    return answers;
  }

  async #open(options: RequestOptions): Promise<Job> {
    const startedAt = performance.now();
    const image =
      options.image === undefined ? undefined : await this.#parts.openImage(options.image);
    return { options, image, startedAt, details: {}, imageMs: performance.now() - startedAt };
  }

  /** Starts the request's method and lays out the prompts of its streams. */
  async #start(job: Job, onPiece: (piece: StreamPiece) => void): Promise<Sequence> {
    const session = await job.options.method.start(this.#methodRun(job));
    return this.#sequence(job, job.options, session, onPiece);
  }

  async #sequence(
    job: Job,
    options: RequestOptions,
    session: MethodSession,
    onPiece?: (piece: StreamPiece) => void,
  ): Promise<Sequence> {
    const prompts = [];
    for (const stream of session.streams) prompts.push(await this.#prompt(job, stream));
    const imageKey = job.image?.key ?? "";
    return new Sequence({ parts: this.#parts, options, session, prompts, imageKey, onPiece });
  }

  async #prompt(job: Job, { image: variant, prompt }: Stream) {
    if (variant === undefined || job.image === undefined)
      return layOutPrompt(this.#parts, prompt, undefined);
    const startedAt = performance.now();
    const features = await this.vision.features(job.image, variant);
    job.imageMs += performance.now() - startedAt;
    return layOutPrompt(this.#parts, prompt, features);
  }

  #methodRun(job: Job): MethodRun {
    const { prompt, seed, signal } = job.options;
    const imageKey = job.image?.key ?? "";
    return {
      prompt,
      seed,
      signal,
      image: job.image === undefined ? undefined : ORIGINAL_IMAGE,
      random: (name) => new SeededRandom(seed, `${name}/${imageKey}`),
      decode: (stream, options) => this.#decodeFirst(job, stream, options),
      remember: (key, make) => this.#remember(`${imageKey}/${key}`, make),
      note: (key, value) => {
        job.details[key] = value;
      },
    };
  }

  /** Decodes greedily on one stream, before a method's answer. */
  async #decodeFirst(job: Job, stream: Stream, decoding: DecodeOptions): Promise<DecodedText> {
    const forced = this.#forcedTokens(decoding.forced);
    const options: RequestOptions = {
      ...job.options,
      maxTokens: forced?.length ?? decoding.maxTokens,
      stop: [],
      sampler: { temperature: 0, topK: undefined, topP: 1 },
      repetitionPenalty: 1,
      topLogprobs: 0,
    };
    const sequence = await this.#sequence(job, options, {
      streams: [stream],
      scores([logits], position) {
        const token = forced?.[position] ?? argMax(logits!);
        decoding.onPosition?.(logits!, token);
        if (forced === undefined) return logits!;
        const scores = logits!.fill(Number.NEGATIVE_INFINITY);
        scores[token] = 0;
        return scores;
      },
    });
    await decodeTogether(this.#machinery, [sequence]);
    const finishReason = sequence.finishReason === "eos" ? "eos" : "length";
    return { text: sequence.text, tokens: sequence.tokens.map(({ id }) => id), finishReason };
  }

  /** The tokens of a text as the model would answer with it, and the end of text. */
  #forcedTokens(text: string | undefined): number[] | undefined {
    if (text === undefined) return undefined;
    const { prompts, endTokens } = this.#parts;
    return [...prompts.encode(` ${text.trim()}`), ...[...endTokens].slice(0, 1)];
  }

  #remember<T>(key: string, make: () => Promise<T>): Promise<T> {
    const known = this.#remembered.get(key);
    if (known !== undefined) return known as Promise<T>;
    const made = make();
    this.#remembered.set(key, made, 1);
    made.catch(() => this.#remembered.delete(key));
    return made;
  }
}

/** Adds to an error which request of a batch it belongs to. */
function atRequest(index: number, error: unknown): unknown {
  if (GroundsightError.isInstance(error)) error.message = `request ${index}: ${error.message}`;
  return error;
}

function describeAnswer(job: Job, sequence: Sequence): Answer {
  const { finishReason, tokens, endedAt, firstLogitsAt } = sequence;
  const [prompt] = sequence.prompts;
  const decodeMs = endedAt - firstLogitsAt;
  const { name, settings } = job.options.method;
  return {
    text: sequence.text,
    tokens,
    finishReason,
    usage: {
      promptTokens: prompt!.tokens.length,
      imageTokens: prompt!.image?.tokens ?? 0,
      generatedTokens: tokens.length,
    },
    timings: {
      imageMs: job.imageMs,
      prefillMs: firstLogitsAt - job.startedAt - job.imageMs,
      decodeMs,
      msPerToken: tokens.length < 2 ? null : decodeMs / (tokens.length - 1),
      totalMs: endedAt - job.startedAt,
    },
    method: { name, settings },
    seed: job.options.seed,
    details: job.details,
  };
}
