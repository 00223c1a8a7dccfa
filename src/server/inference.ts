import type { ChatEvents, ChatJob, ChatResult } from "../chat/chat-job.js";
import type { ModelInfo } from "../index.js";

/** What is told of a served model; its `id` is the name that requests use. */
export interface ServedModel extends ModelInfo {
  /** `Model.hash`: with it an answer's seed, method and decoding say all that decided it. */
  readonly hash: string;
  /** Names of the methods that requests may ask for: those that need no steering file, and those whose file is there. */
  readonly methods: readonly string[];
}

/** What answers the requests of a server: the seam between HTTP and models. */
export interface Inference {
  readonly models: readonly ServedModel[];
  /**
   * Answers a chat.
   *
   * @param model `id` of one of {@link models}
   * @throws InvalidArgumentError, UnsupportedCapabilityError, DatasetError, InferenceError, AbortedError as `Model.generate`
   */
  chat(model: string, job: ChatJob, events?: ChatEvents): Promise<ChatResult>;
  /** Whether a request would be begun now; false while the models are loaded again after their process has ended. */
  readonly isReady: boolean;
  /** How often the models were loaded again; undefined where they cannot be. */
  readonly restarts?: number;
  /** Ends what is being answered and frees the models. */
  close(): Promise<void>;
}
