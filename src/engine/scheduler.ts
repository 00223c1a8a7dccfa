import { AbortedError, InferenceError, InvalidArgumentError } from "../errors.js";
import type { Backend, Context, StepResult } from "./backend.js";
import type { Sequence } from "./sequence.js";
import type { StepOutputs } from "./step.js";

/** Requests that share a bound on the streams decoded at once, such as those of one batch. */
export interface StreamGroup {
  readonly maxStreams: number;
}

/** Prompt tokens that may join in one turn beside others that are being decoded. */
const PREFILL_TOKENS = 1024;

/** Logits that one pass over known tokens may return: 64 MiB. */
const PASS_LOGITS = 2 ** 24;

/** A sequence on its way through the scheduler. */
interface Entry {
  readonly sequence: Sequence;
  readonly group: StreamGroup;
  /** Number of the request it belongs to: what was asked first is admitted first. */
  readonly ticket: number;
  readonly settle: () => void;
}

/** An entry whose streams are being decoded. */
interface Running extends Entry {
  readonly contexts: readonly Context[];
}

/** What a scheduler has to do. */
export interface Load {
  /** Sequences that wait for room. */
  readonly waiting: number;
  /** Streams that are decoded. */
  readonly streams: number;
  /** Bytes that their contexts take. */
  readonly cacheBytes: number;
}

/**
 * The loop, open at both ends: sequences join while others are decoded and leave when they are done. Every answer is
 * what it is alone, whatever the schedule.
 *
 * One turn: **admit** (prefill what fits), then for every sequence that has new outputs **process**, **sample**,
 * **commit** (src/engine/sequence.ts), and **retire** what is done.
 */
export class Scheduler {
  readonly #backend: Backend;
  readonly #maxBytes: number;
  readonly #waiting: Entry[] = [];
  #running: Running[] = [];
  #loop: Promise<void> | undefined;
  #isStopped = false;

  /** @param maxBytes bound of all live contexts' memory */
  constructor(backend: Backend, maxBytes: number) {
    this.#backend = backend;
    this.#maxBytes = maxBytes;
  }

  get load(): Load {
    return {
      waiting: this.#waiting.length,
      streams: streamsOf(this.#running),
      cacheBytes: this.#backend.liveBytes,
    };
  }

  /**
   * Decodes a sequence together with all others; resolves when it is done, be it by an answer or by a failure.
   *
   * @param ticket number of its request; lower ones are admitted first
   */
  submit(sequence: Sequence, group: StreamGroup, ticket: number): Promise<void> {
    if (this.#isStopped) sequence.fail(disposedError());
    if (sequence.isDone) return Promise.resolve();
    return new Promise((settle) => {
      const after = this.#waiting.findIndex((other) => other.ticket > ticket);
      const place = after < 0 ? this.#waiting.length : after;
      this.#waiting.splice(place, 0, { sequence, group, ticket, settle });
      this.#loop ??= this.#run().finally(() => {
        this.#loop = undefined;
      });
    });
  }

  /** Fails whatever is decoded, waits or comes later, and resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#loop;
  }

  async #run(): Promise<void> {
    // Whatever is submitted in the same moment starts in the same turn.
    await others();
    while (this.#waiting.length + this.#running.length > 0) {
      try {
        await this.#turn();
      } catch (error) {
        // A backend that breaks its contract fails what it was asked, and never leaves a request waiting.
        for (const { sequence } of [...this.#running, ...this.#waiting]) sequence.fail(error);
        this.#retire();
      }
    }
  }

  async #turn(): Promise<void> {
    this.#retire();
    const running = this.#running;
    const opened = await this.#admit();
    const isLed = ({ sequence: { led } }: Running) =>
      led !== undefined && this.#backend.extendThrough !== undefined;
    for (const entry of running.filter(isLed)) await this.#lead(entry);
    const extended = await this.#extend(running.filter((entry) => !isLed(entry)));
    for (const [{ sequence }, outputs] of [...extended, ...opened]) advance(sequence, outputs);
    // What waited for a sequence that is done, an answer for its description, goes on together.
    if (this.#retire() > 0) await others();
  }

  /** Opens the contexts of what may join; returns the outputs for its first tokens. */
  async #admit(): Promise<[Running, readonly StepOutputs[]][]> {
    const chosen = this.#takeAdmissible();
    if (chosen.length === 0) return [];
    const prompts = chosen.flatMap(({ sequence: { prompts, maxTokens } }) =>
      prompts.map((prompt) => ({ prompt, maxTokens })),
    );
    const open = async () => this.#backend.open(prompts);
    const results = await open().catch((failure: unknown) => streamFailures(chosen, failure));
    return splitBy(chosen, results).flatMap(([entry, own]): [Running, readonly StepOutputs[]][] => {
      const contexts = own.flatMap((result) => ("context" in result ? [result.context] : []));
      const running = { ...entry, contexts };
      this.#running = [...this.#running, running];
      entry.sequence.firstLogitsAt = performance.now();
      return withOutputs(running, own);
    });
  }

  /** Takes from the queue what may join now: in order, within the bounds of groups and memory. */
  #takeAdmissible(): Entry[] {
    const chosen: Entry[] = [];
    let tokens = 0;
    for (const entry of [...this.#waiting]) {
      const { group, sequence } = entry;
      // While others are decoded, only so much is prefilled between two of their tokens.
      if (tokens >= PREFILL_TOKENS && this.#running.length > 0) break;
      const together = [...this.#running, ...chosen];
      const grouped = streamsOf(together.filter((other) => other.group === group));
      if (grouped > 0 && grouped + sequence.prompts.length > group.maxStreams) continue;
      const bytes = this.#bytesOf([...together, entry]);
      if (bytes > this.#maxBytes) {
        // What does not fit holds back all behind it, so that it is not passed over for ever.
        if (together.length > 0) break;
        sequence.fail(tooLarge(bytes, this.#maxBytes));
        continue;
      }
      chosen.push(entry);
      tokens += sequence.prompts.reduce((sum, prompt) => sum + prompt.tokens.length, 0);
      this.#waiting.splice(this.#waiting.indexOf(entry), 1);
    }
    return chosen;
  }

  /** Most memory that entries can come to take: every stream as long as the longest may become. */
  #bytesOf(entries: readonly Entry[]): number {
    const { bytesPerToken, bytesPerContext } = this.#backend.facts;
    const longest = Math.max(
      ...entries.flatMap(({ sequence: { prompts, maxTokens } }) =>
        prompts.map(({ tokens }) => tokens.length + maxTokens),
      ),
    );
    return streamsOf(entries) * (longest * bytesPerToken + bytesPerContext);
  }

  /** Appends each sequence's last token to all of its contexts; returns the outputs for the next. */
  async #extend(running: readonly Running[]): Promise<[Running, readonly StepOutputs[]][]> {
    if (running.length === 0) return [];
    const steps = running.flatMap(({ sequence, contexts }) =>
      contexts.map((context) => ({ context, token: sequence.tokens.at(-1)!.id })),
    );
    const extend = async () => this.#backend.extend(steps);
    const results = await extend().catch((failure: unknown) => streamFailures(running, failure));
    return splitBy(running, results).flatMap(([entry, own]) => withOutputs(entry, own));
  }

  /** Appends as many of a sequence's known tokens as one pass takes. */
  async #lead({ sequence, contexts }: Running): Promise<void> {
    const { tokens, led } = sequence;
    const vocabulary = this.#backend.info.vocabularySize;
    const most = Math.max(1, Math.floor(PASS_LOGITS / vocabulary / contexts.length));
    const from = tokens.length - 1;
    const known = led!.slice(from, Math.min(from + most, led!.length - 1));
    try {
      const passes: (readonly StepOutputs[])[] = [];
      for (const context of contexts) {
        const outputs = await this.#backend.extendThrough!(context, known);
        if (outputs.length < known.length)
          throw new InferenceError("the backend returned too few results");
        passes.push(outputs);
      }
      for (const i of known.keys())
        advance(
          sequence,
          passes.map((outputs) => outputs[i]!),
        );
    } catch (failure) {
      sequence.fail(failure);
    }
  }

  /** Lets go of what is done or aborted; returns how many there were. */
  #retire(): number {
    for (const { sequence } of [...this.#running, ...this.#waiting]) {
      sequence.checkAborted();
      if (this.#isStopped) sequence.fail(disposedError());
    }
    const done = this.#running.filter(({ sequence }) => sequence.isDone);
    const left = this.#waiting.filter(({ sequence }) => sequence.isDone);
    this.#running = this.#running.filter(({ sequence }) => !sequence.isDone);
    for (const entry of left) this.#waiting.splice(this.#waiting.indexOf(entry), 1);
    try {
      if (done.length > 0) this.#backend.close(done.flatMap(({ contexts }) => contexts));
    } finally {
      for (const { settle } of [...done, ...left]) settle();
    }
    return done.length + left.length;
  }
}

/** Lets everything else that is ready run first. */
function others(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === "function") setImmediate(resolve);
    else setTimeout(resolve);
  });
}

/** Why an answer ends with its model. */
export function disposedError(): AbortedError {
  return new AbortedError("the model was disposed of before the answer ended");
}

/** Process, sample, commit: one token of one answer. */
function advance(sequence: Sequence, outputs: readonly StepOutputs[]): void {
  sequence.checkAborted();
  if (sequence.isDone) return;
  try {
    const scores = sequence.process(outputs);
    const token = sequence.sample(scores);
    sequence.commit(token, scores);
  } catch (error) {
    sequence.fail(error);
  }
}

/** Results of streams by the entries that they belong to. */
function splitBy<E extends Entry, R>(entries: readonly E[], results: readonly R[]): [E, R[]][] {
  let start = 0;
  return entries.map((entry) => {
    const end = start + entry.sequence.prompts.length;
    const own = results.slice(start, end);
    start = end;
    return [entry, own];
  });
}

/** An entry with the outputs of all its streams; none, and the sequence failed, where one has no outputs. */
function withOutputs(
  entry: Running,
  results: readonly StepResult[],
): [Running, readonly StepOutputs[]][] {
  if (results.length < entry.sequence.prompts.length) {
    entry.sequence.fail(new InferenceError("the backend returned too few results"));
  }
  const outputs: StepOutputs[] = [];
  for (const result of results) {
    if ("failure" in result) entry.sequence.fail(result.failure);
    else outputs.push(result.outputs);
  }
  return entry.sequence.isDone ? [] : [[entry, outputs]];
}

function streamFailures(entries: readonly Entry[], failure: unknown): { failure: unknown }[] {
  return entries.flatMap(({ sequence }) => sequence.prompts.map(() => ({ failure })));
}

function streamsOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, { sequence }) => sum + sequence.prompts.length, 0);
}

function tooLarge(bytes: number, maxBytes: number): InvalidArgumentError {
  const size = (value: number) =>
    value < 2 ** 20
      ? `${(value / 2 ** 10).toPrecision(3)} KiB`
      : `${(value / 2 ** 20).toFixed(0)} MiB`;
  return new InvalidArgumentError(
    `the request may need ${size(bytes)} of cache; this model is bound to ${size(maxBytes)}: lower maxTokens, shorten the prompt, or raise liveCacheMiB when loading`,
  );
}
