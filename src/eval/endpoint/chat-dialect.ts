import type { ChatRefusal } from "../client/chat-refusal.js";

/** What is asked of a server, free of how it wants that said. */
export interface ChatQuestion {
  readonly prompt: string;
  /** An image as a data URL; null for none. */
  readonly image: string | null;
  readonly maxTokens: number;
  /** 0 asks for greedy decoding. */
  readonly temperature: number;
  readonly topP: number;
  readonly seed: number;
  /** Whether it is asked what the first token of the answer might have been. */
  readonly likeliest: boolean;
}

/** OpenAI takes at most so many, other servers fewer. */
const TOP_LOGPROBS = [20, 5] as const;

/**
 * What a server has no word for, or another one. It is learnt of what it refuses; fields that servers do not know and
 * pass over change nothing.
 */
export class ChatDialect {
  /** The older name, which more servers know: one that passes over an unknown limit would answer without any. */
  #limit: "max_tokens" | "max_completion_tokens" = "max_tokens";
  #seeded = true;
  #top = 0;

  /** Whether it takes a seed, as far as is known. */
  get seeded(): boolean {
    return this.#seeded;
  }

  /** The body of a request. */
  request(model: string, question: ChatQuestion): object {
    const { prompt, image, maxTokens, temperature, topP, seed, likeliest } = question;
    const text = { type: "text", text: prompt };
    const top = TOP_LOGPROBS[this.#top];
    return {
      model,
      messages: [
        {
          role: "user",
          content:
            image === null ? prompt : [{ type: "image_url", image_url: { url: image } }, text],
        },
      ],
      [this.#limit]: maxTokens,
      temperature,
      ...(topP < 1 ? { top_p: topP } : {}),
      ...(this.#seeded ? { seed } : {}),
      ...(likeliest && top !== undefined ? { logprobs: true, top_logprobs: top } : {}),
    };
  }

  /**
   * Learns from a refusal of such a request, which may be made otherwise then.
   *
   * @param request as it was refused: others may have taught the same meanwhile
   * @returns false where there is nothing to say otherwise
   */
  learn(refusal: ChatRefusal, request: object): boolean {
    const isSent = (field: string) => Object.hasOwn(request, field);
    if (isSent("max_tokens") && refusal.isAbout("max_tokens")) {
      this.#limit = "max_completion_tokens";
      return true;
    }
    if (isSent("logprobs") && (refusal.isAbout("top_logprobs") || refusal.isAbout("logprobs"))) {
      const { top_logprobs: sent } = request as { readonly top_logprobs?: number };
      const refused = TOP_LOGPROBS.findIndex((top) => sent !== undefined && top <= sent);
      this.#top = Math.max(this.#top, refused + 1);
      return true;
    }
    if (isSent("seed") && refusal.isAbout("seed")) {
      this.#seeded = false;
      return true;
    }
    return false;
  }
}
