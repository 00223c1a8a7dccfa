import { setImmediate as letOthersRun } from "node:timers/promises";
import { AbortedError } from "../../errors.js";

/** Long work in small steps. It rests after each, so that whoever drives it can let others run, or give it up. */
export type Turns<T> = Generator<undefined, T, undefined>;

/** Milliseconds of work after which others may run. */
const TURN_MS = 50;

/** Work without a rest. */
export function atOnce<T>(work: Turns<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}

/**
 * Work that lets signals and others through while it is done.
 *
 * @throws AbortedError when the signal fires
 */
export async function inTurns<T>(work: Turns<T>, signal?: AbortSignal): Promise<T> {
  for (;;) {
    requireGoingOn(signal);
    const since = performance.now();
    while (performance.now() - since < TURN_MS) {
      const { done, value } = work.next();
      if (done === true) return value;
    }
    await letOthersRun();
  }
}

/** @throws AbortedError when the signal has fired */
export function requireGoingOn(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new AbortedError("stopped before the work was done");
}

/** What is made of each item, one after the other, with a rest after each. */
export function* mapInTurns<T, R>(
  items: readonly T[],
  work: (item: T, index: number) => Turns<R>,
): Turns<R[]> {
  const made: R[] = [];
  for (const [index, item] of items.entries()) {
    made.push(yield* work(item, index));
    yield;
  }
  return made;
}
