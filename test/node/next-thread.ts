import type { Worker } from "node:worker_threads";

/** The worker thread that this process starts next. */
export function nextThread(): Promise<Worker> {
  return new Promise((resolve) => process.once("worker", resolve));
}
