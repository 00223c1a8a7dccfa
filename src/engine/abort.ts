import { AbortedError } from "../errors.js";

/** What waits for each signal: one listener serves all, so that thousands of requests may share a signal. */
const WAITING = new WeakMap<AbortSignal, Set<() => void>>();

/** The error of an answer that was given up before its first token. */
export function abortedError(signal: AbortSignal): AbortedError {
  return new AbortedError("aborted after 0 tokens", { cause: signal.reason });
}

/**
 * Runs a task, but rejects at once when the signal fires before the task says that it watches the signal itself.
 *
 * @throws AbortedError
 */
export function unlessAborted<T>(
  signal: AbortSignal | undefined,
  task: (watchesItself: () => void) => Promise<T>,
): Promise<T> {
  if (signal === undefined) return task(() => {});
  if (signal.aborted) return Promise.reject(abortedError(signal));
  return new Promise((resolve, reject) => {
    const watchesItself = whenAborted(signal, () => reject(abortedError(signal)));
    task(watchesItself).finally(watchesItself).then(resolve, reject);
  });
}

/**
 * Has a function called when the signal fires; it is not looked at whether it has fired already.
 *
 * @returns takes the function back
 */
export function whenAborted(signal: AbortSignal, onAbort: () => void): () => void {
  const waiting = waitingFor(signal);
  waiting.add(onAbort);
  return () => waiting.delete(onAbort);
}

function waitingFor(signal: AbortSignal): Set<() => void> {
  const known = WAITING.get(signal);
  if (known !== undefined) return known;
  const waiting = new Set<() => void>();
  WAITING.set(signal, waiting);
  signal.addEventListener(
    "abort",
    () => {
      for (const onAbort of waiting) onAbort();
      waiting.clear();
    },
    { once: true },
  );
  return waiting;
}
