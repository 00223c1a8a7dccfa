import { whenAborted } from "../../engine/abort.js";
import { AbortedError, DatasetError } from "../../errors.js";

/**
 * Runs a task on an image, but rejects at once when the signal fires or the time is over, whatever the task is waiting for.
 *
 * @param doing what is done to the image, and its name: "read image a.png"
 * @param task is given a signal that tells it to stop, too
 * @throws AbortedError, DatasetError
 */
export async function withinTime<T>(
  doing: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
  task: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const own = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let forget: (() => void) | undefined;
  const end = new Promise<never>((_, reject) => {
    const stop = (error: Error) => {
      reject(error);
      own.abort(error);
    };
    const onAbort = () => stop(new AbortedError(`aborted: ${doing}`, { cause: signal?.reason }));
    const late = () =>
      stop(new DatasetError(`cannot ${doing}: it takes more than ${timeoutMs} ms`));
    timer = setTimeout(late, timeoutMs);
    if (signal?.aborted) onAbort();
    else if (signal !== undefined) forget = whenAborted(signal, onAbort);
  });
  end.catch(() => {});
  try {
    return await Promise.race([end, own.signal.aborted ? end : task(own.signal)]);
  } finally {
    clearTimeout(timer);
    forget?.();
  }
}
