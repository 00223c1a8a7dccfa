import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4GenerateResult,
  LanguageModelV4Middleware,
  LanguageModelV4StreamPart,
  LanguageModelV4StreamResult,
} from "@ai-sdk/provider";

/** An answer of a scripted model: its text, or whole. */
export type Scripted = string | Partial<LanguageModelV4GenerateResult>;

/** A call with its last text. */
export type AskedCall = LanguageModelV4CallOptions & { readonly question: string };

/** A model that answers by a script, and keeps what it was asked. Each call takes 10 tokens and gives 2. */
export function scriptedModel(
  answer: (question: string, call: LanguageModelV4CallOptions) => Scripted,
  provider = "scripted.chat",
): { readonly model: LanguageModelV4; readonly asked: AskedCall[] } {
  const asked: AskedCall[] = [];
  const doGenerate = async (
    call: LanguageModelV4CallOptions,
  ): Promise<LanguageModelV4GenerateResult> => {
    call.abortSignal?.throwIfAborted();
    const { content = [] } = call.prompt.at(-1)!;
    const texts = (content as { text?: string }[]).flatMap(({ text }) => text ?? []);
    const question = texts.at(-1) ?? "";
    asked.push({ ...call, question });
    const scripted = answer(question, call);
    return {
      content: typeof scripted === "string" ? [{ type: "text", text: scripted }] : [],
      finishReason: { unified: "stop", raw: "end" },
      usage: {
        inputTokens: { total: 10, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
        outputTokens: { total: 2, text: 2, reasoning: undefined },
      },
      warnings: [],
      ...(typeof scripted === "string" ? {} : scripted),
    };
  };
  const doStream = async (
    call: LanguageModelV4CallOptions,
  ): Promise<LanguageModelV4StreamResult> => {
    const { content, warnings, ...ended } = await doGenerate(call);
    const parts: LanguageModelV4StreamPart[] = [{ type: "stream-start", warnings }];
    for (const [i, part] of content.entries()) {
      if (part.type !== "text") {
        parts.push(part as LanguageModelV4StreamPart);
        continue;
      }
      const id = String(i);
      parts.push({ type: "text-start", id });
      for (const delta of part.text.match(/\S+\s*/g) ?? []) {
        parts.push({ type: "text-delta", id, delta });
      }
      parts.push({ type: "text-end", id });
    }
    parts.push({ type: "finish", ...ended });
    return { stream: ReadableStream.from(parts) as ReadableStream<LanguageModelV4StreamPart> };
  };
  return {
    model: {
      specificationVersion: "v4",
      provider,
      modelId: "m",
      supportedUrls: {},
      doGenerate,
      doStream,
    },
    asked,
  };
}

/** A prompt with a question, about an image unless told otherwise. */
export function asking(text: string, hasImage = true): LanguageModelV4CallOptions["prompt"] {
  const file = {
    type: "file" as const,
    mediaType: "image/png",
    data: { type: "data" as const, data: "AAAA" },
  };
  return [
    { role: "system", content: "Answer in verse." },
    { role: "user", content: [...(hasImage ? [file] : []), { type: "text", text }] },
  ];
}

/** Calls a model through a middleware, as `wrapLanguageModel` does. */
export async function generateThrough(
  { wrapGenerate }: LanguageModelV4Middleware,
  model: LanguageModelV4,
  params: LanguageModelV4CallOptions,
): Promise<LanguageModelV4GenerateResult> {
  return wrapGenerate!({
    doGenerate: () => model.doGenerate(params),
    doStream: () => model.doStream(params),
    params,
    model,
  });
}

/** The parts of a stream through a middleware. */
export async function streamThrough(
  { wrapStream }: LanguageModelV4Middleware,
  model: LanguageModelV4,
  params: LanguageModelV4CallOptions,
): Promise<LanguageModelV4StreamPart[]> {
  const { stream } = await wrapStream!({
    doGenerate: () => model.doGenerate(params),
    doStream: () => model.doStream(params),
    params,
    model,
  });
  const parts: LanguageModelV4StreamPart[] = [];
  for await (const part of stream) parts.push(part);
  return parts;
}
