import { type ChildProcess, fork } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ChatEvents, ChatJob, ChatResult } from "../chat/chat-job.js";
import { receivedError } from "../errors.js";
import {
  AbortedError,
  type DownloadProgress,
  InferenceError,
  InvalidArgumentError,
  UnsupportedCapabilityError,
} from "../index.js";
import type { ServedModel } from "./inference.js";
import type { ProcessCall, ProcessReply, ServingPlan } from "./process-messages.js";

/** Longest that a process may take to close its models. */
const CLOSING_MS = 10_000;

interface PendingChat {
  readonly onPiece: ChatEvents["onPiece"];
  readonly resolve: (result: ChatResult) => void;
  readonly reject: (error: unknown) => void;
}

/** A process that runs models: from its start to its end. */
export class InferenceProcess {
  /** Resolves when it has ended, with a few words on how. */
  readonly ended: Promise<string>;
  /** What it serves; empty while it loads. */
  models: readonly ServedModel[] = [];
  readonly #child: ChildProcess;
  readonly #chats = new Map<number, PendingChat>();
  #lastId = 0;
  #end: string | undefined;
  #onLoading: (reply: ProcessReply) => void = () => {};

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.ended = new Promise((resolve) => {
      const end = (how: string) => {
        this.#failAll(how);
        resolve(how);
      };
      child.once("exit", (status, signal) => end(signal ?? `status ${status}`));
      child.on("error", ({ message }) => end(message));
    });
    child.on("message", (replies: readonly ProcessReply[]) => {
      for (const reply of replies) this.#settle(reply);
    });
  }

  /**
   * Starts a process and loads the models there.
   *
   * @throws as `load`; InferenceError when the process ends meanwhile; AbortedError
   */
  static async start(
    plan: ServingPlan,
    onProgress?: (progress: DownloadProgress) => void,
    signal?: AbortSignal,
  ): Promise<InferenceProcess> {
    if (signal?.aborted) throw stoppedError(signal);
    const started = new InferenceProcess(
      fork(programFile(), {
        serialization: "advanced",
        // Flags such as --input-type belong to the program's own entry point.
        execArgv: [],
        // What it says beside its replies is no output of this program.
        stdio: ["ignore", 2, 2, "ipc"],
      }),
    );
    const kill = () => started.kill();
    signal?.addEventListener("abort", kill);
    try {
      started.models = await started.#load(plan, onProgress);
      if (signal?.aborted) throw stoppedError(signal);
      started.#unrefWhenIdle();
      return started;
    } catch (error) {
      started.kill();
      throw signal?.aborted ? stoppedError(signal) : error;
    } finally {
      signal?.removeEventListener("abort", kill);
    }
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Answers a chat; see `Inference.chat`. */
  async chat(
    model: string,
    job: ChatJob,
    { onPiece, signal }: ChatEvents = {},
  ): Promise<ChatResult> {
    if (this.#end !== undefined) throw endedError(this.#end);
    if (signal?.aborted) throw new AbortedError("aborted after 0 tokens", { cause: signal.reason });
    const id = ++this.#lastId;
    const abort = () => this.#send({ kind: "abort", id });
    try {
      return await new Promise((resolve, reject) => {
        this.#chats.set(id, { onPiece, resolve, reject });
        this.#child.channel?.ref();
        this.#send({ kind: "chat", id, model, job, hasPieces: onPiece !== undefined });
        signal?.addEventListener("abort", abort);
      });
    } finally {
      signal?.removeEventListener("abort", abort);
      this.#chats.delete(id);
      this.#unrefWhenIdle();
    }
  }

  /** Aborts what is being answered, frees the models and ends the process. */
  async close(): Promise<void> {
    if (this.#end !== undefined) return;
    this.#child.channel?.ref();
    this.#child.ref();
    this.#send({ kind: "close" });
    const limit = setTimeout(() => this.kill(), CLOSING_MS);
    await this.ended;
    clearTimeout(limit);
  }

  /** Ends the process at once. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #load(
    plan: ServingPlan,
    onProgress?: (progress: DownloadProgress) => void,
  ): Promise<readonly ServedModel[]> {
    return new Promise((resolve, reject) => {
      this.#onLoading = (reply) => {
        if (reply.kind === "progress") onProgress?.(reply.progress);
        else if (reply.kind === "loaded") resolve(reply.models);
        else if (reply.kind === "failed") reject(receivedError(reply.error));
      };
      void this.ended.then((how) =>
        reject(
          new InferenceError(
            `the process that was to run the models has ended (${how}) amid loading`,
          ),
        ),
      );
      this.#send({ kind: "load", plan });
    });
  }

  #send(call: ProcessCall): void {
    try {
      // A channel that has closed is told of by the end of the process.
      this.#child.send(call, () => {});
    } catch (cause) {
      throw new InvalidArgumentError(
        `the request cannot cross to the process of the models: ${(cause as Error).message}`,
        { cause },
      );
    }
  }

  /** Hands a reply to its chat. What the caller's own functions throw fails the chat and ends it. */
  #settle(reply: ProcessReply): void {
    if (reply.kind === "closed") this.kill();
    if (!("id" in reply)) {
      this.#onLoading(reply);
      return;
    }
    const chat = this.#chats.get(reply.id);
    if (reply.kind === "result") chat?.resolve(reply.result);
    else if (reply.kind === "failure") chat?.reject(receivedError(reply.error));
    else {
      try {
        chat?.onPiece?.(reply.piece, reply.choice);
      } catch (error) {
        this.#send({ kind: "abort", id: reply.id });
        chat?.reject(error);
      }
    }
  }

  #failAll(how: string): void {
    this.#end ??= how;
    for (const { reject } of this.#chats.values()) reject(endedError(this.#end));
    this.#chats.clear();
  }

  /** An idle process does not keep this one alive; a chat under way does. */
  #unrefWhenIdle(): void {
    if (this.#chats.size > 0) return;
    this.#child.unref();
    this.#child.channel?.unref();
  }
}

function programFile(): string {
  const { url } = import.meta;
  // Bundles in CommonJS have no place.
  const file =
    url === undefined ? undefined : fileURLToPath(new URL("./inference-program.js", url));
  if (file !== undefined && existsSync(file)) return file;
  throw new UnsupportedCapabilityError(
    "the process of served models runs a file of the package groundsight, which is not beside this code: a bundler has moved it. Keep groundsight out of the bundle (docs/bundlers.md), or serve models in this process: localInference",
  );
}

function stoppedError({ reason }: AbortSignal): AbortedError {
  return new AbortedError("loading was stopped", { cause: reason });
}

function endedError(how: string): InferenceError {
  return new InferenceError(
    `the process that runs the models has ended (${how}) before the answer was whole; send the request again`,
  );
}
