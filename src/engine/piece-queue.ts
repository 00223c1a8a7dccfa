import { InvalidArgumentError } from "../errors.js";

/** Hands values from a producer to one asynchronous iteration, in order; values wait until they are asked for. */
export class PieceQueue<Value> {
  readonly #values: Value[] = [];
  /** Calls of `next` that wait for a value, the first asked in front. */
  readonly #waiting: PromiseWithResolvers<IteratorResult<Value, undefined>>[] = [];
  #outcome: { readonly error?: unknown } | undefined;
  #isTaken = false;

  push(value: Value): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#values.push(value);
    else next.resolve({ done: false, value });
  }

  /** Ends the iteration after the values pushed so far. */
  end(): void {
    this.#close({});
  }

  /** Makes the iteration throw after the values pushed so far. */
  fail(error: unknown): void {
    this.#close({ error });
  }

  /**
   * The one iteration; another, which would take values away from it, rejects.
   *
   * @param onLeave called when the consumer leaves the iteration, be it before its first value
   */
  iterate(onLeave: () => void): AsyncGenerator<Value, void, undefined> {
    const isSecond = this.#isTaken;
    this.#isTaken = true;
    const end = async (): Promise<IteratorResult<Value, undefined>> => {
      if (isSecond) return { done: true, value: undefined };
      this.#values.length = 0;
      this.#close({});
      onLeave();
      return { done: true, value: undefined };
    };
    const iteration: AsyncGenerator<Value, void, undefined> = {
      next: async () => {
        if (!isSecond) return this.#next();
        throw new InvalidArgumentError(
          "the stream is iterated already; iterate it once, and keep the pieces that are needed again",
        );
      },
      return: end,
      async throw(error) {
        await end();
        throw error;
      },
      [Symbol.asyncIterator]: () => iteration,
      async [Symbol.asyncDispose]() {
        await end();
      },
    };
    return iteration;
  }

  async #next(): Promise<IteratorResult<Value, undefined>> {
    if (this.#values.length > 0) return { done: false, value: this.#values.shift()! };
    if (this.#outcome === undefined) {
      const next = withResolvers<IteratorResult<Value, undefined>>();
      this.#waiting.push(next);
      return next.promise;
    }
    const outcome = this.#outcome;
    // An error is told once; the iteration has ended then.
    this.#outcome = {};
    if ("error" in outcome) throw outcome.error;
    return { done: true, value: undefined };
  }

  #close(outcome: { readonly error?: unknown }): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    for (const next of this.#waiting.splice(0)) this.#next().then(next.resolve, next.reject);
  }
}

interface PromiseWithResolvers<Result> {
  readonly promise: Promise<Result>;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** `Promise.withResolvers`, which Node 20 has not. */
function withResolvers<Result>(): PromiseWithResolvers<Result> {
  let resolve: (result: Result) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<Result>((onResult, onError) => {
    resolve = onResult;
    reject = onError;
  });
  return { promise, resolve, reject };
}
