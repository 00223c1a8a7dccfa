import type { Handler } from "../../src/server/handler.js";

export const CHATS = "http://localhost/v1/chat/completions";

/** A response's parts that tests look at, loosely typed. */
// biome-ignore lint/suspicious/noExplicitAny: bodies are what is tested.
export type Json = any;

/** A request to chat, as a client sends it. */
export function chatRequestOf(body: unknown, init: RequestInit = {}): Request {
  return new Request(CHATS, {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...init,
    headers: { "content-type": "application/json", ...init.headers },
  });
}

/** Sends a chat and reads what comes back. */
export async function postChat(
  handler: Handler,
  body: unknown,
  init?: RequestInit,
): Promise<{ status: number; headers: Headers; body: Json }> {
  const response = await handler(chatRequestOf(body, init));
  return { status: response.status, headers: response.headers, body: await response.json() };
}

/** The lines of a stream of events: data parsed, comments and what is no JSON as they are. */
export async function eventsOf(response: Response): Promise<Json[]> {
  const text = await response.text();
  return text
    .split("\n\n")
    .filter((event) => event !== "")
    .map((event) => {
      const data = /^data: (\{.*\})$/.exec(event)?.[1];
      return data === undefined ? event : JSON.parse(data);
    });
}

/** Texts of a stream's choices, joined. */
export function textsOf(events: readonly Json[]): string[] {
  const texts: string[] = [];
  for (const { choices = [] } of events) {
    for (const { index, delta } of choices) {
      texts[index] = (texts[index] ?? "") + (delta.content ?? "");
    }
  }
  return texts;
}

/** One user's question. */
export const question = (content: unknown, more: object = {}): object => ({
  model: "fake",
  messages: [{ role: "user", content }],
  ...more,
});
