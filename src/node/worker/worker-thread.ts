import { Worker } from "node:worker_threads";
import type { Method } from "../../engine/method.js";
import type { ModelInfo } from "../../engine/model-info.js";
import type { LoadOptions } from "../load-options.js";
import { packageFile } from "../package-file.js";
import { watchRuns } from "./exit-guard.js";
import { WorkerCalls } from "./worker-calls.js";

/** Most large values (directions) that a worker keeps for later methods. */
const KEPT_ASSETS = 8;

/** A thread with a model in it: from its start to its end. */
export class WorkerThread {
  readonly info: ModelInfo;
  readonly calls: WorkerCalls;
  readonly #worker: Worker;
  /** Keys of the values that the worker has, the one used last behind. */
  readonly #assets = new Set<string>();

  private constructor(worker: Worker, calls: WorkerCalls, info: ModelInfo) {
    this.#worker = worker;
    this.calls = calls;
    this.info = info;
  }

  /** Starts a thread and loads the model there; see `load` for the arguments and errors. */
  static async start(
    name: string,
    options: Omit<LoadOptions, "onProgress" | "signal">,
  ): Promise<WorkerThread> {
    const { memory, forget } = watchRuns();
    const program = packageFile("./model-worker.js", import.meta.url, "the worker of a model");
    const worker = new Worker(program, {
      workerData: { name, options, memory },
      // Flags such as --input-type belong to the program's own entry point.
      execArgv: [],
    });
    worker.once("exit", forget);
    const calls = new WorkerCalls(worker);
    const info = await calls.loaded().catch(async (error: unknown) => {
      await worker.terminate();
      throw error;
    });
    worker.unref();
    return new WorkerThread(worker, calls, info as ModelInfo);
  }

  /** Sends the large values that methods name, each once, ahead of the call that needs them. */
  sendAssets(methods: readonly (Method | undefined)[]): void {
    for (const method of methods) {
      for (const [key, value] of Object.entries(method?.assets ?? {})) {
        if (!this.#assets.delete(key)) this.calls.tell({ kind: "asset", key, value });
        this.#assets.add(key);
      }
    }
  }

  /** Lets the worker forget the values that were not used for long; to be called behind the call that needed them. */
  dropAssets(): void {
    for (const key of [...this.#assets].slice(0, -KEPT_ASSETS)) {
      this.#assets.delete(key);
      this.calls.tell({ kind: "forget", key });
    }
  }

  /** Disposes of the model and ends the thread. */
  async end(): Promise<void> {
    if (!this.calls.hasEnded) await this.calls.call({ kind: "dispose" }).catch(() => undefined);
    await this.#worker.terminate();
  }
}
