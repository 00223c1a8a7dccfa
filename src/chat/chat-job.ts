import type { PhraseEvidence, TokenEvidence } from "../diagnose/index.js";
import type { Answer, GenerateOptions, JsonValue, StreamPiece, Turn } from "../index.js";

/** Which steering file is used, and how strongly. */
export interface ChatSteering {
  /** Its name where models are served. Default: the one that fits the method. */
  readonly name?: string | undefined;
  /** Strength in the vision tower; see `vti`. */
  readonly image?: number | undefined;
  /** Strength in the decoder; see `vti`. */
  readonly text?: number | undefined;
}

/** What protocols of others have no field for: `groundsight` in a chat request, `providerOptions.groundsight` of the AI SDK. */
export interface ChatOptions {
  /** How the next token is scored, as on the command line: "vcd", "vcd:alpha=2", "vti+vcd". Default "regular". */
  readonly method?: string | undefined;
  /** Settings of the method, beside those written behind its name. */
  readonly settings?: Readonly<Record<string, JsonValue>> | undefined;
  /** Steers along directions, whatever the method: a name, or a name and strengths. */
  readonly steer?: string | ChatSteering | undefined;
  /** Whether evidence is told for each token: see `explainAnswer`. Default false. */
  readonly evidence?: boolean | undefined;
  /** Whether the answer's phrases are checked: see `checkCaption`. Default false. */
  readonly verify?: boolean | undefined;
}

/** A chat request, free of any protocol. It can be sent to another process. */
export interface ChatJob {
  readonly turns: readonly Turn[];
  readonly options: ChatOptions;
  /** Answers to give, at least 1: the i-th with the seed plus i. */
  readonly count: number;
  /** Fields that are left out take the model's default. */
  readonly decoding: Omit<GenerateOptions, "method" | "signal"> & { readonly seed: number };
}

/** One answer to a job. */
export interface ChatChoice {
  readonly answer: Answer;
  /** Where `evidence` was asked for. */
  readonly evidence?: readonly TokenEvidence[];
  /** Where `verify` was asked for: all phrases that were found, those to doubt among them; offsets in `answer.text`. */
  readonly phrases?: readonly PhraseEvidence[];
  /** What could not be told of it, and why. */
  readonly warnings: readonly string[];
}

/** Answers by their number. */
export interface ChatResult {
  readonly choices: readonly ChatChoice[];
}

/** How a job is told of. */
export interface ChatEvents {
  /** Called with every piece of every answer as it comes. */
  readonly onPiece?: ((piece: StreamPiece, choice: number) => void) | undefined;
  /** Ends the job within one token of each answer. */
  readonly signal?: AbortSignal | undefined;
}
