import pLimit from "p-limit";
import { integerIn } from "../arguments/numbers.js";
import { InvalidArgumentError } from "../errors.js";
import { argMax } from "../math/arg-max.js";
import { SeededRandom } from "../math/seeded-random.js";
import { abortedError, unlessAborted } from "./abort.js";
import type { Answer, StreamPiece } from "./answer.js";
import type { Backend, OpenedImage, Prompt } from "./backend.js";
import { BoundedCache } from "./bounded-cache.js";
import { checkNeeds, checkSession } from "./check-method.js";
import type { JsonValue } from "./json-value.js";
import type {
  GeneratedText,
  GenerateTextOptions,
  MethodRun,
  MethodSession,
  Stream,
} from "./method.js";
import type { ModelInfo } from "./model-info.js";
import type { RequestOptions } from "./request-options.js";
import { disposedError, type Scheduler, type StreamGroup } from "./scheduler.js";
import { Sequence, type SequenceOptions } from "./sequence.js";
import { questionOf, textOf } from "./view.js";

/** Bound of what {@link MethodRun.remember} keeps. */
const REMEMBERED_BYTES = 64 * 2 ** 20;

/** Requests that are answered together: no more of them are begun at once than streams may be decoded. */
export interface RequestGroup extends StreamGroup {
  readonly begin: <T>(task: () => Promise<T>) => Promise<T>;
}

/** @param maxStreams most streams of the group decoded at once, at least 1 */
export function requestGroup(maxStreams: number): RequestGroup {
  return { maxStreams, begin: pLimit(maxStreams) };
}

/** A request under way: its options, images and clock. */
interface Job {
  readonly options: RequestOptions;
  readonly group: RequestGroup;
  readonly ticket: number;
  readonly images: readonly OpenedImage[];
  readonly startedAt: number;
  readonly details: Record<string, JsonValue>;
  /** Time spent on opening its images, and on encoding those that were not cached. */
  readonly openMs: number;
  encodeMs: number;
}

/** Turns checked requests into answers: opens images, starts methods, and has the scheduler decode their streams. */
export class Answering {
  readonly #backend: Backend;
  readonly #scheduler: Scheduler;
  readonly #remembered = new BoundedCache<unknown>(REMEMBERED_BYTES);
  readonly #pending = new Map<string, Promise<unknown>>();
  readonly #layingOut = new Set<Promise<unknown>>();
  #isStopped = false;
  #tickets = 0;
  #queued = 0;

  constructor(backend: Backend, scheduler: Scheduler) {
    this.#backend = backend;
    this.#scheduler = scheduler;
  }

  /** Answers a request when its group has room for it. */
  answer(
    options: RequestOptions,
    group: RequestGroup,
    onPiece?: (piece: StreamPiece) => void,
  ): Promise<Answer> {
    const ticket = this.#tickets++;
    this.#queued++;
    // Until it is decoded, a request that is given up rejects at once, whatever it is waiting for.
    return unlessAborted(options.signal, (watchesItself) =>
      group.begin(async () => {
        this.#queued--;
        if (options.signal?.aborted) throw abortedError(options.signal);
        const job = await this.#open(options, group, ticket);
        const session = checkSession(
          options.method,
          await options.method.start(this.#methodRun(job)),
        );
        const sequence = await this.#sequence(job, options, session, onPiece);
        watchesItself();
        await this.#scheduler.submit(sequence, group, ticket);
        return describeAnswer(job, sequence, this.#backend.info);
      }),
    );
  }

  /** Requests that wait for room in their group. */
  get queued(): number {
    return this.#queued;
  }

  /** Fails what is being answered, and resolves when nothing is asked of the backend any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#scheduler.stop();
    await Promise.allSettled(this.#layingOut);
  }

  async #open(options: RequestOptions, group: RequestGroup, ticket: number): Promise<Job> {
    const startedAt = performance.now();
    const { signal } = options;
    const opening = options.images.map((source) => this.#backend.openImage(source, signal));
    const images = await Promise.all(opening);
    const openMs = performance.now() - startedAt;
    return { options, group, ticket, images, startedAt, details: {}, openMs, encodeMs: 0 };
  }

  /** Lays out the prompts of a session's streams. */
  async #sequence(
    job: Job,
    options: SequenceOptions,
    session: MethodSession,
    onPiece?: (piece: StreamPiece) => void,
  ): Promise<Sequence> {
    const prompts: Prompt[] = [];
    for (const stream of session.streams) {
      this.#checkEdits(job, stream);
      const prompt = await this.#layOut(job, stream);
      job.encodeMs += prompt.imageMs;
      prompts.push(prompt);
    }
    const { facts } = this.#backend;
    const decode = (ids: readonly number[]) => this.#backend.decode(ids);
    const said = job.options.view.map(({ parts }) => textOf(parts)).join("\n");
    const drawName = `${imagesKey(job)}/${said}`;
    return new Sequence({ ...facts, options, session, prompts, decode, drawName, onPiece });
  }

  /** Edits that are switched on without having been declared as a need are refused too, never ignored. */
  #checkEdits({ options: { method } }: Job, { edits = [] }: Stream): void {
    const active = edits.filter(({ strength }) => strength !== 0).map(({ edit }) => edit);
    checkNeeds({ ...method, needs: { edits: active } }, this.#backend);
    const twice = active.find(({ key, graph }, i) =>
      active.slice(0, i).some((other) => other.key === key && other.graph === graph),
    );
    if (twice === undefined) return;
    throw new InvalidArgumentError(
      `method ${method.name}: one stream switches on two edits of one kind, "${twice.key}" of the ${twice.graph} graph; use one of them (steering inside steering, for example, is not possible)`,
    );
  }

  async #layOut({ images, options }: Job, stream: Stream): Promise<Prompt> {
    if (this.#isStopped) throw disposedError();
    const prompt = this.#backend.layOut(stream, images, options.mayGoOn);
    this.#layingOut.add(prompt);
    return prompt.finally(() => this.#layingOut.delete(prompt));
  }

  #methodRun(job: Job): MethodRun {
    const { view, seed, signal } = job.options;
    const { info, facts } = this.#backend;
    const all = imagesKey(job);
    return {
      view,
      prompt: questionOf(view),
      seed,
      signal,
      model: {
        id: info.id,
        layers: info.layers,
        endTokens: facts.endTokens,
        hash: () => this.#backend.hash(),
      },
      random: (name, image) =>
        new SeededRandom(seed, `${name}/${image === undefined ? all : job.images[image]!.key}`),
      generate: (stream, options) => this.#generateText(job, stream, options),
      remember: (key, make, bytes) => this.#remember(`${all}/${key}`, make, bytes),
      note: (key, value) => {
        job.details[key] = value;
      },
    };
  }

  /** Generates greedily on one stream, before a method's answer. */
  async #generateText(
    job: Job,
    stream: Stream,
    { maxTokens, forced, onPosition }: GenerateTextOptions,
  ): Promise<GeneratedText> {
    if (forced === undefined) integerIn("maxTokens of a method's text", maxTokens, 1);
    const read = forced === undefined ? undefined : await this.#tokensToRead(forced);
    const options: SequenceOptions = {
      maxTokens: read?.length ?? maxTokens,
      stop: [],
      sampler: { temperature: 0, topK: undefined, topP: 1 },
      repetitionPenalty: 1,
      seed: job.options.seed,
      topLogprobs: 0,
      signal: job.options.signal,
    };
    const sequence = await this.#sequence(job, options, readingSession(stream, read, onPosition));
    await this.#scheduler.submit(sequence, job.group, job.ticket);
    const finishReason = sequence.finishReason === "eos" ? "eos" : "length";
    return { text: sequence.text, tokens: sequence.tokens.map(({ id }) => id), finishReason };
  }

  /** The tokens of a text as the model would answer with it, and the end of text. */
  async #tokensToRead(text: string): Promise<number[]> {
    const { endTokens } = this.#backend.facts;
    return [...(await this.#backend.encode(` ${text.trim()}`)), ...[...endTokens].slice(0, 1)];
  }

  async #remember<T>(key: string, make: () => Promise<T>, bytes: (value: T) => number): Promise<T> {
    const known = this.#remembered.get(key);
    if (known !== undefined) return known as T;
    const pending = this.#pending.get(key);
    if (pending !== undefined) {
      // Another request makes it; should that one fail or be aborted, this one makes its own.
      return pending.catch(() => this.#remember(key, make, bytes)) as Promise<T>;
    }
    const made = make()
      .then((value) => {
        this.#remembered.set(key, value, bytes(value) + 2 * key.length);
        return value;
      })
      .finally(() => this.#pending.delete(key));
    this.#pending.set(key, made);
    return made;
  }
}

/** A session that chooses the best token at each position, or the next of the tokens it is to read. */
function readingSession(
  stream: Stream,
  read: readonly number[] | undefined,
  onPosition: GenerateTextOptions["onPosition"],
): MethodSession {
  return {
    streams: [stream],
    scores([output], position) {
      const { logits } = output!;
      const token = read?.[position] ?? argMax(logits);
      onPosition?.(logits, token);
      if (read === undefined) return logits;
      logits.fill(Number.NEGATIVE_INFINITY);
      logits[token] = 0;
      return logits;
    },
  };
}

function imagesKey({ images }: Job): string {
  return images.map(({ key }) => key).join();
}

function describeAnswer(job: Job, sequence: Sequence, info: ModelInfo): Answer {
  const { id, dtype, adapter, device } = info;
  const { finishReason, tokens, endedAt, firstLogitsAt } = sequence;
  const [prompt] = sequence.prompts;
  const decodeMs = endedAt - firstLogitsAt;
  const imageMs = job.encodeMs === 0 ? 0 : job.openMs + job.encodeMs;
  const { method, seed, sampler, maxTokens, stop, repetitionPenalty } = job.options;
  const { name, settings } = method;
  return {
    text: sequence.text,
    tokens,
    finishReason,
    usage: {
      promptTokens: prompt!.tokens.length,
      imageTokens: prompt!.imageTokens,
      generatedTokens: tokens.length,
    },
    timings: {
      imageMs,
      prefillMs: firstLogitsAt - job.startedAt - imageMs,
      decodeMs,
      msPerToken: tokens.length < 2 ? null : decodeMs / (tokens.length - 1),
      totalMs: endedAt - job.startedAt,
    },
    method: { name, settings },
    seed,
    details: job.details,
    decoding: { maxTokens, stop, ...sampler, topK: sampler.topK ?? null, repetitionPenalty },
    checkpoint: {
      id,
      dtype,
      ...(adapter === undefined ? {} : { adapter }),
      ...(device === undefined ? {} : { device }),
    },
  };
}
