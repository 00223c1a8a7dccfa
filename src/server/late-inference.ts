import type { ChatEvents, ChatJob, ChatResult } from "../chat/chat-job.js";
import type { Inference, ServedModel } from "./inference.js";

/** An inference that is there later: until then it serves no model, and a chat waits for it. */
export class LateInference implements Inference {
  /** Resolves when it is there; rejects as what was given. */
  readonly loaded: Promise<Inference>;
  #inner: Inference | undefined;

  constructor(given: Inference | Promise<Inference>) {
    this.loaded = Promise.resolve(given).then((inner) => {
      this.#inner = inner;
      return inner;
    });
    this.loaded.catch(() => {});
  }

  get models(): readonly ServedModel[] {
    return this.#inner?.models ?? [];
  }

  get isReady(): boolean {
    return this.#inner?.isReady === true;
  }

  get restarts(): number {
    return this.#inner?.restarts ?? 0;
  }

  async chat(model: string, job: ChatJob, events?: ChatEvents): Promise<ChatResult> {
    return (await this.loaded).chat(model, job, events);
  }

  async close(): Promise<void> {
    const inner = await this.loaded.catch(() => undefined);
    await inner?.close();
  }
}
