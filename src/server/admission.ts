import { ApiError } from "./api-error.js";

/** Durations that the wait is estimated from. */
const REMEMBERED = 32;

/** Longest wait that a client is told, in seconds. */
const LONGEST_WAIT = 60;

/** A request that waits for its turn. */
interface Waiting {
  readonly answers: number;
  readonly begin: () => void;
}

/**
 * Lets no more answers be decoded at once than there is room for; requests beyond that wait in order, and those beyond the
 * queue are refused.
 */
export class Admission {
  readonly #maxRunning: number;
  readonly #maxQueued: number;
  readonly #queue: Waiting[] = [];
  readonly #durations: number[] = [];
  #running = 0;

  /**
   * @param maxRunning most answers at once
   * @param maxQueued most requests that wait
   */
  constructor(maxRunning: number, maxQueued: number) {
    this.#maxRunning = maxRunning;
    this.#maxQueued = maxQueued;
  }

  /** Answers that are decoded. */
  get running(): number {
    return this.#running;
  }

  /** Requests that wait. */
  get queued(): number {
    return this.#queue.length;
  }

  /**
   * @param answers how many the request is to be given, at most `maxRunning`
   * @throws ApiError where a request of so many would have to wait and the queue is full
   */
  requireRoom(answers = 1): void {
    const mustWait = this.#queue.length > 0 || this.#running + answers > this.#maxRunning;
    if (!mustWait || this.#queue.length < this.#maxQueued) return;
    throw new ApiError(
      `the server is answering ${this.#running} requests and ${this.#queue.length} are waiting, as many as it may; send it again later`,
      { status: 429, code: "rate_limit_exceeded", retryAfter: this.#retryAfter() },
    );
  }

  /**
   * Waits for a request's turn.
   *
   * @param answers as {@link requireRoom}
   * @returns gives the room back; to be called once the request is done
   * @throws ApiError where the queue is full; the signal's reason where it fires while the request waits
   */
  async enter(answers: number, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    this.requireRoom(answers);
    await new Promise<void>((resolve, reject) => {
      const leaveQueue = () => {
        this.#queue.splice(this.#queue.indexOf(waiting), 1);
        reject(signal.reason);
        this.#admit();
      };
      const begin = () => {
        signal.removeEventListener("abort", leaveQueue);
        this.#running += answers;
        resolve();
      };
      const waiting = { answers, begin };
      signal.addEventListener("abort", leaveQueue, { once: true });
      this.#queue.push(waiting);
      this.#admit();
    });
    const startedAt = performance.now();
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      this.#running -= answers;
      this.#durations.push(performance.now() - startedAt);
      if (this.#durations.length > REMEMBERED) this.#durations.shift();
      this.#admit();
    };
  }

  /** In order: a request of many answers is not passed by for ever by those of one. */
  #admit(): void {
    let first = this.#queue[0];
    while (first !== undefined && this.#running + first.answers <= this.#maxRunning) {
      this.#queue.shift();
      first.begin();
      first = this.#queue[0];
    }
  }

  /** Seconds until the queue has moved on, by the mean time of the last requests. */
  #retryAfter(): number {
    const total = this.#durations.reduce((sum, ms) => sum + ms, 0);
    const mean = total / 1000 / Math.max(1, this.#durations.length);
    const seconds = Math.ceil((mean * (this.#queue.length + 1)) / this.#maxRunning);
    return Math.min(LONGEST_WAIT, Math.max(1, seconds));
  }
}
