/** What is told of a request once it has been answered. Never what was asked or answered, unless the owner wants it. */
export interface RequestLog {
  /** When it came, in ISO 8601. */
  readonly time: string;
  /** Also in the response's header `x-request-id`. */
  readonly id: string;
  readonly method: string;
  readonly path: string;
  /** 499 where the client went away. */
  readonly status: number;
  /** Milliseconds from its arrival to the end of its answer. */
  readonly ms: number;
  /** As a chat's request named it. */
  readonly model?: string;
  /** Name of the decoding method. */
  readonly decoding?: string;
  readonly promptTokens?: number;
  readonly generatedTokens?: number;
  /** Milliseconds that it waited for its turn. */
  readonly queuedMs?: number;
  /** Why it was not answered: for the owner, not for the client. */
  readonly error?: string;
  /** The conversation's texts, where the owner wants them. */
  readonly prompt?: readonly string[];
  /** The answers, where the owner wants them. */
  readonly answers?: readonly string[];
}

/** A request's log as a line for people. */
export function logText(log: RequestLog): string {
  const { time, id, method, path, status, ms, ...facts } = log;
  const told = Object.entries(facts)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${typeof value === "number" ? value : JSON.stringify(value)}`);
  return [time, method, path, status, `${ms} ms`, id, ...told].join(" ");
}
