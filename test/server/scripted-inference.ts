import type { Answer } from "groundsight";
import { fakeModel } from "groundsight/testing";
import type { ChatEvents, ChatJob, ChatResult } from "../../src/chat/chat-job.js";
import type { Inference, ServedModel } from "../../src/server/inference.js";

/** A chat that has reached the models, to be answered by the test. */
export interface AskedChat {
  readonly model: string;
  readonly job: ChatJob;
  readonly events: ChatEvents;
  /** Gives a piece of an answer, without its token. */
  say(text: string, choice?: number): void;
  /** Ends all its answers. */
  end(text?: string): void;
  fail(error: unknown): void;
}

/** Models whose answers a test gives, when it wants. */
export class ScriptedInference implements Inference {
  readonly models: readonly ServedModel[];
  readonly chats: AskedChat[] = [];
  isReady = true;
  restarts = 0;
  readonly #answer: Answer;
  #waiting: (() => void)[] = [];

  private constructor(answer: Answer, model: ServedModel) {
    this.#answer = answer;
    this.models = [model];
  }

  static async start(): Promise<ScriptedInference> {
    const model = fakeModel({ respond: () => "Yes" });
    const served = { ...model.info, id: "fake", hash: await model.hash(), methods: ["regular"] };
    return new ScriptedInference(await model.generate({ prompt: "?" }), served);
  }

  /** The chat of a number, once it is there. */
  async chatAt(index: number): Promise<AskedChat> {
    while (this.chats.length <= index) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.chats[index]!;
  }

  chat(model: string, job: ChatJob, events: ChatEvents = {}): Promise<ChatResult> {
    return new Promise((resolve, reject) => {
      const { signal, onPiece } = events;
      signal?.addEventListener("abort", () => reject(new Error("the model was told to stop")));
      this.chats.push({
        model,
        job,
        events,
        say: (text, choice = 0) => onPiece?.({ token: undefined, text }, choice),
        end: (text = "Yes") => {
          const choice = { answer: { ...this.#answer, text }, warnings: [] };
          resolve({ choices: Array.from({ length: job.count }, () => choice) });
        },
        fail: reject,
      });
      for (const tell of this.#waiting.splice(0)) tell();
    });
  }

  async close(): Promise<void> {}
}
