import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** The body of a chat request, as far as tests look at it. */
export interface ChatBody {
  readonly model: string;
  readonly messages: readonly { readonly content: string | readonly ContentPart[] }[];
  readonly temperature: number;
  readonly top_p?: number;
  readonly seed?: number;
  readonly max_tokens?: number;
  readonly max_completion_tokens?: number;
  readonly logprobs?: true;
  readonly top_logprobs?: number;
}
type ContentPart =
  | { readonly type: "image_url"; readonly image_url: { readonly url: string } }
  | { readonly type: "text"; readonly text: string };

/** One request, as the script sees it. */
export interface Asked {
  readonly body: ChatBody;
  /** Text of the question. */
  readonly prompt: string;
  /** Bytes of its image. */
  readonly image: Buffer | null;
  /** Media type of its image. */
  readonly type: string | null;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Which attempt it is at these words, from 1 on. */
  readonly attempt: number;
}

/** A server that answers as a script says. */
export interface ScriptedServer extends AsyncDisposable {
  readonly url: string;
  readonly asked: Asked[];
  /** Most requests that were open at once. */
  readonly mostAtOnce: () => number;
}

/** What a script may do by name. */
export const reply = {
  text(
    { response }: Asked,
    content: string | null,
    more: { readonly likeliest?: Readonly<Record<string, number>>; readonly finish?: string } = {},
    rest: object = { usage: { prompt_tokens: 100, completion_tokens: 2 } },
  ): void {
    const { likeliest, finish = "stop" } = more;
    const top_logprobs = Object.entries(likeliest ?? {}).map(([token, p]) => ({
      token,
      logprob: Math.log(p),
    }));
    const logprobs = likeliest === undefined ? null : { content: [{ top_logprobs }] };
    const choices = [{ message: { content }, finish_reason: finish, logprobs }];
    response.end(JSON.stringify({ choices, ...rest }));
  },
  refuse({ response }: Asked, status: number, error: object = {}, headers = {}): void {
    response.writeHead(status, headers).end(JSON.stringify({ error: { message: "no", ...error } }));
  },
};

/** Starts such a server on a free port. */
export async function scriptedServer(script: (asked: Asked) => void): Promise<ScriptedServer> {
  const asked: Asked[] = [];
  const attempts = new Map<string, number>();
  let [open, most] = [0, 0];
  const server: Server = createServer(async (request, response) => {
    most = Math.max(most, ++open);
    response.on("close", () => open--);
    let text = "";
    for await (const chunk of request) text += chunk;
    const attempt = (attempts.get(text) ?? 0) + 1;
    attempts.set(text, attempt);
    const body = JSON.parse(text) as ChatBody;
    const content = body.messages[0]!.content;
    const parts =
      typeof content === "string" ? [{ type: "text", text: content } as const] : content;
    const prompt = parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join();
    const url = parts.flatMap((part) => (part.type === "image_url" ? [part.image_url.url] : []))[0];
    const [, type = null, data] = /^data:(.*?);base64,(.*)$/s.exec(url ?? "") ?? [];
    const image = data === undefined ? null : Buffer.from(data, "base64");
    const one = { body, prompt, image, type, request, response, attempt };
    asked.push(one);
    script(one);
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    asked,
    mostAtOnce: () => most,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
