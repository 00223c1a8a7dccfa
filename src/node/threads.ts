import { availableParallelism } from "node:os";
import type { InferenceSession } from "onnxruntime-node";

/** Weights for which one more thread is worth its waking and waiting at each operator. */
const BYTES_PER_THREAD = 64 * 2 ** 20;

/**
 * Threads for a graph: one for each 64 MiB of its weights, which is what a decoding step reads. A small graph is slower
 * with all cores than with one, since its operators end before the other threads are awake.
 *
 * @param bytes of the graph with its weights
 * @returns undefined where a graph is worth all cores: the runtime then chooses
 */
export function defaultThreads(
  bytes: number,
  cores: number = availableParallelism(),
): number | undefined {
  const threads = Math.max(1, Math.ceil(bytes / BYTES_PER_THREAD));
  if (cores === 1 || threads < cores) return Math.min(threads, cores);
  return undefined;
}

/** More threads than this only cost memory (some 2 MiB each, in each of three sessions), and thousands halt a machine. */
export function mostThreads(cores: number = availableParallelism()): number {
  return Math.max(64, 4 * cores);
}

/** Session options for a number of threads. */
export function threadOptions(threads: number | undefined): InferenceSession.SessionOptions {
  return threads === undefined ? {} : { intraOpNumThreads: threads, interOpNumThreads: 1 };
}
