/**
 * Node ends a process's worker threads wherever they are. In the midst of native code of ONNX Runtime that aborts the
 * whole process with status 134. So the main thread, when it exits, waits until the worker's run of a graph has ended,
 * and the worker begins no other.
 */

/** Longest that an exit waits for a run. */
const LIMIT_MS = 10_000;

/** Places in the memory that both threads share. */
const RUNNING = 0;
const ENDING = 1;

/** The runs of workers that have not ended, for the main thread. */
const watched = new Set<Int32Array<SharedArrayBuffer>>();

/** In a worker: its own runs. */
let own: Int32Array<SharedArrayBuffer> | undefined;

/** Memory to share with a new worker, so that an exit of the process waits for its runs; `forget` it when it has ended. */
export function watchRuns(): { memory: SharedArrayBuffer; forget: () => void } {
  const memory = new SharedArrayBuffer(8);
  const runs = new Int32Array(memory);
  if (watched.size === 0) process.on("exit", waitForRuns);
  watched.add(runs);
  return {
    memory,
    forget() {
      if (watched.delete(runs) && watched.size === 0) process.off("exit", waitForRuns);
    },
  };
}

function waitForRuns(): void {
  const end = performance.now() + LIMIT_MS;
  for (const runs of watched) Atomics.store(runs, ENDING, 1);
  for (const runs of watched) {
    for (;;) {
      const running = Atomics.load(runs, RUNNING);
      const left = end - performance.now();
      if (running === 0 || left <= 0) break;
      Atomics.wait(runs, RUNNING, running, left);
    }
  }
}

/** In a worker: from now on, {@link nativeRun} tells the main thread what runs. */
export function tellRuns(memory: SharedArrayBuffer): void {
  own = new Int32Array(memory);
}

/** Runs native code. In a worker whose process is exiting, nothing is begun any more: the promise stays open. */
export async function nativeRun<Result>(run: () => Promise<Result>): Promise<Result> {
  const runs = own;
  if (runs === undefined) return run();
  Atomics.add(runs, RUNNING, 1);
  const ended = () => {
    Atomics.sub(runs, RUNNING, 1);
    Atomics.notify(runs, RUNNING);
  };
  if (Atomics.load(runs, ENDING) === 1) {
    ended();
    return new Promise<never>(() => {});
  }
  return run().finally(ended);
}
