import type { ChatResult } from "../chat/chat-job.js";
import type { Turn } from "../core.js";
import type { ApiError } from "./api-error.js";
import type { AskedChat } from "./chat-request.js";
import type { ResponseTimes } from "./chat-response.js";
import type { RequestLog } from "./request-log.js";
import type { ServerMetrics } from "./server-metrics.js";
import { CLIENT_GONE } from "./stop-of.js";

type Facts = { -readonly [Name in keyof RequestLog]?: RequestLog[Name] };

/** Where records of requests go. */
export interface RecordKeeping {
  readonly metrics: ServerMetrics;
  readonly log?: ((entry: RequestLog) => void) | undefined;
  /** Whether texts are part of it. */
  readonly logPrompts: boolean;
}

/** What becomes known of a request while it is answered: for its response, the log and the metrics. */
export class RequestRecord {
  readonly id: string;
  readonly #keeping: RecordKeeping;
  readonly #startedAt = performance.now();
  readonly #facts: Facts;
  /** When it was read. */
  #askedMs = 0;
  #queuedMs = 0;
  #firstMs: number | undefined;
  #status: number | undefined;
  #streaming: Promise<unknown> | undefined;

  constructor(request: Request, id: string, keeping: RecordKeeping) {
    this.id = id;
    this.#keeping = keeping;
    const { pathname } = new URL(request.url);
    this.#facts = {
      time: new Date().toISOString(),
      id,
      method: request.method,
      path: pathname.slice(0, 200),
    };
  }

  /** Times so far, in milliseconds. */
  get times(): ResponseTimes {
    return { queuedMs: this.#queuedMs, totalMs: this.#ms };
  }

  /** A chat's request was read. */
  asked({ model, turns }: AskedChat): void {
    this.#askedMs = this.#ms;
    this.#facts.model = model;
    if (this.#keeping.logPrompts) this.#facts.prompt = turns.map(textOf);
  }

  /** Its turn has come. */
  begins(): void {
    this.#queuedMs = this.#ms - this.#askedMs;
  }

  /** A piece of an answer came. */
  piece(): void {
    this.#firstMs ??= this.#ms;
  }

  /** It was answered. */
  answered(model: string, result: ChatResult): void {
    const { choices } = result;
    const [first] = choices;
    this.#keeping.metrics.chat(model, result, this.#firstMs, this.#ms);
    this.#facts.decoding = first!.answer.method.name;
    this.#facts.promptTokens = first!.answer.usage.promptTokens;
    this.#facts.generatedTokens = choices.reduce(
      (sum, { answer }) => sum + answer.usage.generatedTokens,
      0,
    );
    this.#facts.queuedMs = Math.round(this.#queuedMs);
    if (this.#keeping.logPrompts) this.#facts.answers = choices.map(({ answer }) => answer.text);
  }

  /**
   * It cannot be answered.
   *
   * @param told what its client is told
   */
  failed(failure: unknown, told: ApiError): void {
    this.#status = told.status;
    if (told.status === CLIENT_GONE) this.#keeping.metrics.abort();
    const { cause = failure } = told;
    this.#facts.error = (cause instanceof Error ? cause.message : String(cause)).slice(0, 1000);
  }

  /** Its response goes on until a promise resolves. */
  streams(end: Promise<unknown>): void {
    this.#streaming = end;
  }

  /** There is a response, whose body may be still to come. */
  async finish(route: string, status: number): Promise<void> {
    await this.#streaming;
    const told = this.#status ?? status;
    this.#keeping.metrics.request(route, told);
    const ms = Math.round(this.#ms);
    this.#keeping.log?.({ ...this.#facts, status: told, ms } as RequestLog);
  }

  get #ms(): number {
    return performance.now() - this.#startedAt;
  }
}

function textOf({ content }: Turn): string {
  if (typeof content === "string") return content;
  return content.map((part) => (part.type === "text" ? part.text : "[image]")).join(" ");
}
