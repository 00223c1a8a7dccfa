import type { ChatSetup } from "../chat/answer-chat.js";
import type { ChatJob, ChatResult } from "../chat/chat-job.js";
import type { SentError } from "../errors.js";
import type { DownloadProgress, LoadOptions, StreamPiece } from "../index.js";
import type { ServedModel } from "./inference.js";

/** A model to serve. */
export interface ModelToServe {
  /** The name that requests use. Default: {@link source}, without the path of a folder. */
  readonly name?: string;
  /** "pocket", a checkpoint's folder, or a hub id: what `load` takes. */
  readonly source: string;
  readonly options?: Omit<LoadOptions, "worker" | "onProgress" | "signal">;
}

/** What a process is to serve. */
export interface ServingPlan extends ChatSetup {
  /** At least one. */
  readonly models: readonly ModelToServe[];
}

/** What the process of the models is asked. */
export type ProcessCall =
  | { readonly kind: "load"; readonly plan: ServingPlan }
  | {
      readonly kind: "chat";
      readonly id: number;
      readonly model: string;
      readonly job: ChatJob;
      readonly hasPieces: boolean;
    }
  | { readonly kind: "abort"; readonly id: number }
  | { readonly kind: "close" };

/** What it replies: loading first, then each chat's pieces in their order and its end. */
export type ProcessReply =
  | { readonly kind: "progress"; readonly progress: DownloadProgress }
  | { readonly kind: "loaded"; readonly models: readonly ServedModel[] }
  | { readonly kind: "failed"; readonly error: SentError }
  | {
      readonly kind: "piece";
      readonly id: number;
      readonly piece: StreamPiece;
      readonly choice: number;
    }
  | { readonly kind: "result"; readonly id: number; readonly result: ChatResult }
  | { readonly kind: "failure"; readonly id: number; readonly error: SentError }
  | { readonly kind: "closed" };
