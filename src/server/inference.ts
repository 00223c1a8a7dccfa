import type { ChatEvents, ChatJob, ChatResult } from "../chat/chat-job.js";
import type { ModelInfo } from "../index.js";

/** What answers the requests of a server: the seam between HTTP and models. */
export interface Inference {
  /** What is told of the served models, each by the name (`id`) that requests use. */
  readonly models: readonly ModelInfo[];
  /**
   * Answers a chat.
   *
   * @param model one of {@link models}
   * @throws InvalidArgumentError, UnsupportedCapabilityError, DatasetError, InferenceError, AbortedError as `Model.generate`
   */
  chat(model: string, job: ChatJob, events?: ChatEvents): Promise<ChatResult>;
  /** Whether a request would be begun now; false while the models are loaded again after their process has ended. */
  readonly isReady: boolean;
  /** Ends what is being answered and frees the models. */
  close(): Promise<void>;
}
