import { checkSettings, type SettingsSchema } from "../core.js";

/** What requests may take at most. */
export interface ServerLimits {
  /** Answers that are decoded at once. Default 16. */
  readonly maxRunning: number;
  /** Requests that wait; more are refused. Default 128. */
  readonly maxQueued: number;
  /** Tokens that a request may ask for; one that names none gets the model's default. Default 4096. */
  readonly maxTokens: number;
  /** Answers that a request may ask for (`n`). Default 8. */
  readonly maxChoices: number;
  /** Characters of a request's texts; never more than 16 for each token of the model's context. Default 200 000. */
  readonly maxTextCharacters: number;
  /** Images of a request. Default 16. */
  readonly maxImages: number;
  /** Size of an image's file. Default 20. How many pixels it may have says the model: see `ImageLimits`. */
  readonly maxImageMiB: number;
  /** Size of a request's body. Default 32. */
  readonly maxBodyMiB: number;
  /** Size of the bodies of all requests that arrive, wait or are answered; beyond it they are refused. Default 512. */
  readonly maxHeldMiB: number;
  /**
   * Milliseconds from a request's arrival to the end of its answer; a stream that is not read is dropped as long after that.
   * Default 300 000.
   */
  readonly timeoutMs: number;
  /** Milliseconds after which a stream that is silent sends a comment. Default 15 000. */
  readonly keepAliveMs: number;
}

const LONGEST_MS = 2 ** 31 - 1;

const SCHEMA = {
  maxRunning: { type: "integer", min: 1, max: 4096, default: 16, summary: "" },
  maxQueued: { type: "integer", min: 0, max: 100_000, default: 128, summary: "" },
  maxTokens: { type: "integer", min: 1, max: 1_000_000, default: 4096, summary: "" },
  maxChoices: { type: "integer", min: 1, max: 128, default: 8, summary: "" },
  maxTextCharacters: { type: "integer", min: 1, max: 1e9, default: 200_000, summary: "" },
  maxImages: { type: "integer", min: 0, max: 1000, default: 16, summary: "" },
  maxImageMiB: { type: "number", min: 0.001, max: 2000, default: 20, summary: "" },
  maxBodyMiB: { type: "number", min: 0.001, max: 2000, default: 32, summary: "" },
  maxHeldMiB: { type: "number", min: 0.001, max: 1e6, default: 512, summary: "" },
  timeoutMs: { type: "integer", min: 1, max: LONGEST_MS, default: 300_000, summary: "" },
  keepAliveMs: { type: "integer", min: 1, max: LONGEST_MS, default: 15_000, summary: "" },
} as const satisfies SettingsSchema;

/** @throws InvalidArgumentError naming the limit, what was received and what is expected */
export function serverLimits(given: Partial<ServerLimits> = {}): ServerLimits {
  return checkSettings("limits", SCHEMA, given);
}
