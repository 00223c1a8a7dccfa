import { z } from "zod";
import { readReply, withoutKey } from "./chat-endpoint.js";

/** A longer message of a server is cut: failures are stored and shown. */
const LONGEST_MESSAGE = 300;

/** What servers put into the body of a refusal: OpenAI's shape, and those of FastAPI and of plain messages. */
const body = z.union([
  z
    .object({
      error: z.object({
        message: z.string(),
        param: z.string().nullish(),
        code: z.union([z.string(), z.number()]).nullish(),
      }),
    })
    .transform(({ error }) => error),
  z.object({ error: z.string() }).transform(({ error }) => ({ message: error })),
  z.object({ message: z.string() }),
  z.object({ detail: z.unknown() }).transform(({ detail }) => ({
    message: typeof detail === "string" ? detail : (JSON.stringify(detail) ?? ""),
  })),
]);

/** A server's refusal of a chat request. Its message is the status alone: failures are counted by it. */
export class ChatRefusal extends Error {
  readonly status: number;
  /** What the server said of it, without the key and without control characters; empty where it said nothing. */
  readonly said: string;
  /** The field of the request that it is about, where the server names one. */
  readonly param: string | null;
  /** The server's code, such as `insufficient_quota`. */
  readonly code: string | null;
  /** After how many milliseconds the server wants to be asked again; 0 where it does not say. */
  readonly afterMs: number;

  private constructor(
    message: string,
    facts: Pick<ChatRefusal, "status" | "said" | "param" | "code" | "afterMs">,
  ) {
    super(message);
    this.status = facts.status;
    this.said = facts.said;
    this.param = facts.param;
    this.code = facts.code;
    this.afterMs = facts.afterMs;
  }

  /**
   * What a response without answer says.
   *
   * @param what is asked, for the message of a redirect
   */
  static async of(
    response: Response,
    what: string,
    apiKey: string | undefined,
  ): Promise<ChatRefusal> {
    const { status, headers } = response;
    const isRedirect = status >= 300 && status < 400;
    // Servers in distress say nothing that helps.
    const text = isRedirect || status >= 500 ? null : await readReply(response).catch(() => null);
    if (text === null) await response.body?.cancel().catch(() => {});
    const told = body.safeParse(parsedOrNull(text ?? "")).data ?? { message: "" };
    const { message, param = null, code = null } = { param: null, code: null, ...told };
    return new ChatRefusal(isRedirect ? redirected(response, what) : `status ${status}`, {
      status,
      said: shown(withoutKey(message, apiKey)),
      param,
      code: code === null ? null : String(code),
      afterMs: pauseIn(headers.get("retry-after")),
    });
  }

  /** Whether the same request may be answered later. */
  get mayPass(): boolean {
    const { status, code } = this;
    if (code === "insufficient_quota") return false;
    return status === 408 || status === 409 || status === 429 || status >= 500;
  }

  /** True where the server refuses a field of the request, by name. */
  isAbout(field: string): boolean {
    if (this.status !== 400 && this.status !== 422) return false;
    return this.param === field || new RegExp(`(?<![\\w])${field}(?![\\w])`).test(this.said);
  }
}

/** A value in JSON; null for what is none. */
export function parsedOrNull(
  text: string,
  reviver?: (key: string, value: unknown) => unknown,
): unknown {
  try {
    return JSON.parse(text, reviver);
  } catch {
    return null;
  }
}

/** Milliseconds of a `Retry-After` header, which holds seconds or a date; 0 for none. */
function pauseIn(header: string | null): number {
  if (header === null) return 0;
  const seconds = Number(header);
  const ms = Number.isNaN(seconds) ? Date.parse(header) - Date.now() : 1000 * seconds;
  return ms > 0 ? ms : 0;
}

function redirected({ status, url, headers }: Response, what: string): string {
  const to = headers.get("location");
  const host = to !== null && URL.canParse(to, url) ? new URL(to, url).host : "nowhere";
  return `status ${status}: redirected to ${host}, which is not followed; give the address itself as ${what} URL`;
}

/** A message in one line, of bounded length. */
function shown(message: string): string {
  const line = message.replaceAll(/[\p{C}\s]+/gu, " ").trim();
  return line.length > LONGEST_MESSAGE ? `${line.slice(0, LONGEST_MESSAGE)}...` : line;
}
