import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4GenerateResult,
  LanguageModelV4StreamPart,
  LanguageModelV4StreamResult,
} from "@ai-sdk/provider";
import { answerChat, type ChatSetup } from "../chat/answer-chat.js";
import type { ChatChoice, ChatEvents } from "../chat/chat-job.js";
import { TrimmedText } from "../chat/trimmed-text.js";
import { AbortedError, type Model } from "../index.js";
import { type ChatCall, chatCall } from "./chat-call.js";
import { finishReasonOf, metadataOf, UNKNOWN_USAGE, usageOf } from "./chat-result.js";

/** A loaded model with what it answers chats with. */
export interface OpenedModel {
  readonly model: Model;
  readonly setup: ChatSetup;
}

/** The one text of an answer. */
const TEXT_ID = "text";

/** A model of this process as a language model of the AI SDK. */
export class GroundsightLanguageModel implements LanguageModelV4 {
  readonly specificationVersion = "v4";
  readonly provider = "groundsight";
  readonly modelId: string;
  /** The image reader fetches URLs within its limits; the AI SDK's own download has others. */
  readonly supportedUrls: Record<string, RegExp[]> = { "image/*": [/^https?:\/\//] };
  readonly #open: () => Promise<OpenedModel>;
  readonly #method: string | undefined;

  /**
   * @param open opens the model at the first call
   * @param method the method in the id
   */
  constructor(modelId: string, open: () => Promise<OpenedModel>, method?: string) {
    this.modelId = modelId;
    this.#open = open;
    this.#method = method;
  }

  async doGenerate(options: LanguageModelV4CallOptions): Promise<LanguageModelV4GenerateResult> {
    const call = chatCall(options, this.#method);
    const choice = await this.#answer(await this.#open(), call, { signal: options.abortSignal });
    const { text } = choice.answer;
    return {
      content: text === "" ? [] : [{ type: "text", text }],
      finishReason: finishReasonOf(choice.answer),
      usage: usageOf(choice.answer),
      providerMetadata: metadataOf(choice, call.logprobs),
      response: this.#response(),
      warnings: call.warnings,
    };
  }

  async doStream(options: LanguageModelV4CallOptions): Promise<LanguageModelV4StreamResult> {
    const call = chatCall(options, this.#method);
    const opened = await this.#open();
    const left = new AbortController();
    const { abortSignal } = options;
    const signal =
      abortSignal === undefined ? left.signal : AbortSignal.any([left.signal, abortSignal]);
    const run = async (tell: (part: LanguageModelV4StreamPart) => void): Promise<void> => {
      tell({ type: "stream-start", warnings: call.warnings });
      tell({ type: "response-metadata", ...this.#response() });
      const text = new TrimmedText();
      let hasBegun = false;
      const onPiece: ChatEvents["onPiece"] = (piece) => {
        const delta = text.push(piece.text);
        if (options.includeRawChunks) tell({ type: "raw", rawValue: piece });
        if (delta === "") return;
        if (!hasBegun) tell({ type: "text-start", id: TEXT_ID });
        hasBegun = true;
        tell({ type: "text-delta", id: TEXT_ID, delta });
      };
      const choice = await this.#answer(opened, call, { signal, onPiece });
      if (hasBegun) tell({ type: "text-end", id: TEXT_ID });
      tell({
        type: "finish",
        finishReason: finishReasonOf(choice.answer),
        usage: usageOf(choice.answer),
        providerMetadata: metadataOf(choice, call.logprobs),
      });
    };
    const fill = async (controller: ReadableStreamDefaultController<LanguageModelV4StreamPart>) => {
      // Whoever has left is told nothing more.
      const tell = (part: LanguageModelV4StreamPart) => {
        if (!left.signal.aborted) controller.enqueue(part);
      };
      try {
        await run(tell);
      } catch (error) {
        if (abortSignal?.aborted) {
          if (!left.signal.aborted) controller.error(error);
          return;
        }
        tell({ type: "error", error });
        tell({
          type: "finish",
          finishReason: { unified: "error", raw: undefined },
          usage: UNKNOWN_USAGE,
        });
      }
      if (!left.signal.aborted) controller.close();
    };
    const stream = new ReadableStream<LanguageModelV4StreamPart>({
      // Not waited for: parts are read while they come.
      start: (controller) => void fill(controller),
      cancel: (reason) => left.abort(reason),
    });
    return { stream };
  }

  async #answer(
    { model, setup }: OpenedModel,
    { job }: ChatCall,
    events: ChatEvents,
  ): Promise<ChatChoice> {
    try {
      const { choices } = await answerChat(model, job, events, setup);
      return choices[0]!;
    } catch (error) {
      // As fetch ends, by which the AI SDK tells an abort from a failure.
      if (error instanceof AbortedError && events.signal?.aborted) throw events.signal.reason;
      throw error;
    }
  }

  #response(): { id: string; timestamp: Date; modelId: string } {
    return { id: `gs-${crypto.randomUUID()}`, timestamp: new Date(), modelId: this.modelId };
  }
}
