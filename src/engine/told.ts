/**
 * Calls functions of the caller. A promise that one of them returns is waited for at the end: its failure would otherwise
 * be heard by nobody, and end the process.
 */
export class Told {
  readonly #pending: Promise<unknown>[] = [];

  /** @throws what the function throws */
  call<Arguments extends readonly unknown[]>(
    callback: ((...given: Arguments) => unknown) | undefined,
    ...given: Arguments
  ): void {
    const returned = callback?.(...given);
    if (!isPromise(returned)) return;
    const promise = Promise.resolve(returned);
    promise.catch(() => {});
    this.#pending.push(promise);
  }

  /** Resolves when all that was returned has; rejects with the first failure. */
  async settled(): Promise<void> {
    await Promise.all(this.#pending);
  }
}

/** True for a promise, and whatever can be waited for like one. */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as Partial<PromiseLike<unknown>> | null | undefined)?.then === "function";
}
