import pLimit from "p-limit";
import { integerIn } from "../arguments/numbers.js";
import { InvalidArgumentError } from "../errors.js";
import { abortedError, unlessAborted } from "./abort.js";
import type { Answer, StreamPiece } from "./answer.js";
import type { Backend, OpenedImage, Prompt } from "./backend.js";
import { checkNeeds, checkSession } from "./check-method.js";
import { describeAnswer } from "./describe-answer.js";
import { drawName, imagesName, methodRandom } from "./draws.js";
import type { JsonValue } from "./json-value.js";
import type {
  Draft,
  DraftOptions,
  GeneratedText,
  GenerateTextOptions,
  MethodRun,
  MethodSession,
  Stream,
} from "./method.js";
import { openImages } from "./open-images.js";
import type { ReadAnswer, ReadOptions } from "./reading.js";
import { readingSession, requireRoom } from "./reading-session.js";
import { Remembered } from "./remembered.js";
import type { RequestOptions } from "./request-options.js";
import { disposedError, type Scheduler, type StreamGroup } from "./scheduler.js";
import { Sequence, type SequenceInput, type SequenceOptions } from "./sequence.js";
import { questionOf } from "./view.js";

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
  /** Time of the first draft's first logits, where its method made one. */
  draftedAt?: number;
}

/** Turns checked requests into answers: opens images, starts methods, and has the scheduler decode their streams. */
export class Answering {
  readonly #backend: Backend;
  readonly #scheduler: Scheduler;
  readonly #remembered = new Remembered();
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
        const sequence = await this.#sequence(job, options, session, { onPiece });
        watchesItself();
        if (session.answer === undefined) await this.#scheduler.submit(sequence, group, ticket);
        else sequence.replay(session.answer, job.draftedAt);
        return describeAnswer(job, sequence, this.#backend.info);
      }),
    );
  }

  /**
   * Reads an answer on each of some streams.
   *
   * @param answer its text, or its tokens
   */
  read(
    options: RequestOptions,
    answer: string | readonly number[],
    { streams, onPosition }: ReadOptions,
    group: RequestGroup,
  ): Promise<ReadAnswer> {
    const ticket = this.#tickets++;
    return unlessAborted(options.signal, async (watchesItself) => {
      if (options.signal?.aborted) throw abortedError(options.signal);
      const job = await this.#open(options, group, ticket);
      const led = await this.#tokensToRead(answer);
      const run = this.#methodRun(job);
      const pieces: string[] = [];
      const onPiece = ({ token, text }: StreamPiece) => {
        if (token !== undefined) pieces.push(text);
        else pieces[pieces.length - 1] += text;
      };
      const sequences = await Promise.all(
        (streams?.(run) ?? [{ view: run.view }]).map((stream, i) => {
          const session = readingSession(stream, led, (outputs, token, position) =>
            onPosition(outputs, position, i, token),
          );
          const given = i === 0 ? { led, onPiece } : { led };
          return this.#sequence(job, this.#greedy(job, led.length), session, given);
        }),
      );
      for (const one of sequences) requireRoom(one, led);
      watchesItself();
      await Promise.all(sequences.map((one) => this.#scheduler.submit(one, group, ticket)));
      // Each throws what made its reading fail.
      const reasons = sequences.map(({ finishReason }) => finishReason);
      const hasEnd = reasons[0] === "eos";
      return {
        tokens: hasEnd ? led.slice(0, -1) : led,
        text: sequences[0]!.text,
        pieces,
        prompts: sequences.map(({ prompts: [prompt] }) => prompt!.tokens),
        images: sequences.map(({ prompts: [prompt] }) => prompt!.imagePlaces ?? []),
        hasEnd,
      };
    });
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
    const images = await openImages(this.#backend, options.images, options.signal);
    const openMs = performance.now() - startedAt;
    return { options, group, ticket, images, startedAt, details: {}, openMs, encodeMs: 0 };
  }

  /** Lays out the prompts of a session's streams. */
  async #sequence(
    job: Job,
    options: SequenceOptions,
    session: MethodSession,
    {
      draw,
      ...given
    }: Pick<SequenceInput, "onPiece" | "led" | "ends"> & { draw?: string | undefined },
  ): Promise<Sequence> {
    const prompts: Prompt[] = [];
    // Of an answer that is there already the first stream tells the prompt.
    const decoded = session.answer === undefined ? session.streams : session.streams.slice(0, 1);
    for (const stream of decoded) {
      this.#checkEdits(job, stream);
      const prompt = await this.#layOut(job, stream);
      // What is encoded behind the first logits belongs to the time of decoding.
      if (job.draftedAt === undefined) job.encodeMs += prompt.imageMs;
      prompts.push(prompt);
    }
    const backend = this.#backend;
    const plain = drawName(imageKeys(job), job.options.view);
    const name = draw === undefined ? plain : `${plain}/${draw}`;
    const { facts } = backend;
    return new Sequence({ ...facts, options, session, prompts, backend, drawName: name, ...given });
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
    const { view, seed, signal, sampler } = job.options;
    const { info, facts } = this.#backend;
    const keys = imageKeys(job);
    const all = imagesName(keys);
    return {
      view,
      prompt: questionOf(view),
      seed,
      temperature: sampler.temperature,
      signal,
      model: {
        id: info.id,
        layers: info.layers,
        endTokens: facts.endTokens,
        hash: () => this.#backend.hash(),
        encode: (text) => this.#backend.encode(text),
        decode: (ids) => this.#backend.decode(ids),
      },
      random: (name, image) => methodRandom(seed, name, keys, image),
      generate: (stream, options) => this.#generateText(job, stream, options),
      draft: (session, options = {}) => this.#draft(job, session, options),
      remember: (key, make, bytes) => this.#remembered.get(`${all}/${key}`, make, bytes),
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
    const options = this.#greedy(job, read?.length ?? maxTokens);
    const session = readingSession(stream, read, ({ logits, readings }, token) =>
      onPosition?.(logits, token, readings),
    );
    const sequence = await this.#sequence(job, options, session, { led: read });
    await this.#scheduler.submit(sequence, job.group, job.ticket);
    const finishReason = sequence.finishReason === "eos" ? "eos" : "length";
    return { text: sequence.text, tokens: sequence.tokens.map(({ id }) => id), finishReason };
  }

  /** Answers before the answer. */
  async #draft(
    job: Job,
    session: MethodSession,
    { draw, temperature, given, ends }: DraftOptions,
  ): Promise<Draft> {
    if (session.answer !== undefined && given === undefined) return session.answer;
    const { answer: _, ...decoded } = checkSession(job.options.method, session);
    const sampler = {
      ...job.options.sampler,
      ...(temperature === undefined ? {} : { temperature }),
    };
    const options = { ...job.options, sampler };
    const sequence = await this.#sequence(job, options, decoded, { led: given, ends, draw });
    await this.#scheduler.submit(sequence, job.group, job.ticket);
    const { text, tokens, finishReason, firstLogitsAt } = sequence;
    job.draftedAt ??= firstLogitsAt;
    return { text, tokens, finishReason };
  }

  #greedy({ options: { seed, signal } }: Job, maxTokens: number): SequenceOptions {
    const sampler = { temperature: 0, topK: undefined, topP: 1 };
    return { maxTokens, stop: [], sampler, repetitionPenalty: 1, seed, topLogprobs: 0, signal };
  }

  /** The tokens of a text as the model would answer with it, and the end of text. */
  async #tokensToRead(answer: string | readonly number[]): Promise<number[]> {
    const { endTokens } = this.#backend.facts;
    const tokens = typeof answer === "string" ? await this.#encodeAnswer(answer.trim()) : answer;
    return [...tokens, ...[...endTokens].slice(0, 1)];
  }

  async #encodeAnswer(text: string): Promise<readonly number[]> {
    const { encodeAnswer } = this.#backend;
    return encodeAnswer === undefined
      ? this.#backend.encode(` ${text}`)
      : encodeAnswer.call(this.#backend, text);
  }
}

function imageKeys({ images }: Job): string[] {
  return images.map(({ key }) => key);
}
