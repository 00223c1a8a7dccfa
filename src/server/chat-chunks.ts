import type { ChatResult } from "../chat/chat-job.js";
import { tokenLogprob } from "../chat/token-logprob.js";
import { TrimmedText } from "../chat/trimmed-text.js";
import type { StreamPiece } from "../core.js";
import {
  choiceFacts,
  finishReason,
  type ResponseHead,
  type ResponseTimes,
  responseFacts,
  usage,
} from "./chat-response.js";

/** Makes OpenAI's `chat.completion.chunk`s of a chat's pieces. */
export class ChatChunks {
  readonly #head: ResponseHead;
  readonly #logprobs: boolean;
  readonly #includeUsage: boolean;
  readonly #texts: TrimmedText[];

  /** @param count answers that are to come */
  constructor(
    head: ResponseHead,
    count: number,
    told: { readonly logprobs: boolean; readonly includeUsage: boolean },
  ) {
    this.#head = head;
    this.#logprobs = told.logprobs;
    this.#includeUsage = told.includeUsage;
    this.#texts = Array.from({ length: count }, () => new TrimmedText());
  }

  /** What each answer begins with. */
  begin(): object[] {
    return this.#texts.map((_, index) =>
      this.#chunk([{ index, delta: { role: "assistant", content: "", refusal: null } }]),
    );
  }

  /** Undefined where nothing is to be told yet. */
  piece({ token, text }: StreamPiece, index: number): object | undefined {
    const content = this.#texts[index]!.push(text);
    if (this.#logprobs && token !== undefined) {
      const logprobs = { content: [tokenLogprob(token)], refusal: null };
      return this.#chunk([{ index, delta: { content }, logprobs }]);
    }
    return content === "" ? undefined : this.#chunk([{ index, delta: { content } }]);
  }

  /** How the answers ended, and what they took where that is asked for. */
  end({ choices }: ChatResult, times: ResponseTimes): object[] {
    const ends = choices.map((choice, index) =>
      this.#chunk(
        [
          {
            index,
            delta: {},
            finish_reason: finishReason(choice.answer),
            groundsight: choiceFacts(choice),
          },
        ],
        { groundsight: responseFacts(choices, times) },
      ),
    );
    return this.#includeUsage ? [...ends, this.#chunk([], { usage: usage(choices) })] : ends;
  }

  #chunk(choices: readonly object[], facts: object = {}): object {
    return {
      ...this.#head,
      object: "chat.completion.chunk",
      choices: choices.map((choice) => ({ logprobs: null, finish_reason: null, ...choice })),
      ...(this.#includeUsage ? { usage: null } : {}),
      ...facts,
    };
  }
}
