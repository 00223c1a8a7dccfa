import { InvalidArgumentError } from "../../errors.js";

/** Longest reply that is read; an answer of a few sentences has some kilobytes. */
const MAX_REPLY_BYTES = 1024 * 1024;

/** A shorter key is none (`x`, `none`), and might be a word of an answer. */
const SHORTEST_KEY = 8;

/**
 * The address that chat requests go to.
 *
 * @param what is asked there, for messages
 * @throws InvalidArgumentError for what is no http(s) address, or holds a password
 */
export function chatAddress(baseUrl: string, what: string): string {
  if (!URL.canParse(baseUrl)) throw wrongUrl(what, `received ${baseUrl}`);
  const url = new URL(baseUrl);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw wrongUrl(what, `received ${url.protocol}...`);
  }
  if (url.username !== "" || url.password !== "") {
    throw wrongUrl(what, `received a user name or password for ${url.host}`);
  }
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/chat/completions`;
  return url.href;
}

function wrongUrl(what: string, received: string): InvalidArgumentError {
  return new InvalidArgumentError(
    `${what} URL: ${received}; expected http(s)://..., the key in OPENAI_API_KEY`,
  );
}

/**
 * Refuses a key that no header can carry. The message never holds the key.
 *
 * @throws InvalidArgumentError
 */
export function requireSendable(apiKey: string | undefined, what: string): void {
  if (apiKey !== undefined && !/^[\x21-\x7e]*$/.test(apiKey)) {
    throw new InvalidArgumentError(
      `${what} key: received blanks, line ends or characters beyond ASCII; expected a key that a header can carry`,
    );
  }
}

/** A text without the key, should an endpoint send it back: what is stored must not hold it. */
export function withoutKey(text: string, apiKey: string | undefined): string {
  if (apiKey === undefined || apiKey.length < SHORTEST_KEY) return text;
  return text.replaceAll(apiKey, "[key]");
}

/**
 * A reply's text, read no further than a mebibyte.
 *
 * @throws Error when there is more
 */
export async function readReply(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  // Leaving the loop closes the connection.
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_REPLY_BYTES) {
      throw new Error(`the reply is larger than ${MAX_REPLY_BYTES} bytes`);
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
