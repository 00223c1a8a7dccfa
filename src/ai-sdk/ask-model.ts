/** Further calls of a wrapped model: what a middleware asks it about the images of a prompt. */
import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4FilePart,
  LanguageModelV4GenerateResult,
  LanguageModelV4Prompt,
  LanguageModelV4Usage,
  SharedV4ProviderOptions,
} from "@ai-sdk/provider";
import { isImage } from "./prompt-turns.js";

/** Settings of the calls that a middleware makes besides the one that it wraps; what is left out is as it sets it. */
export type FurtherCallSettings = Pick<
  LanguageModelV4CallOptions,
  "maxOutputTokens" | "temperature" | "topP" | "topK" | "seed" | "reasoning" | "providerOptions"
>;

/** Prompts that middlewares made: other middlewares between them make new options of a call, but keep its prompt. */
const FURTHER = new WeakSet<LanguageModelV4Prompt>();

/** Whether a middleware made the call, to ask about images. */
export function isFurtherCall({ prompt }: LanguageModelV4CallOptions): boolean {
  return FURTHER.has(prompt);
}

/** The images of a prompt, in order. */
export function imagesOf(prompt: LanguageModelV4Prompt): LanguageModelV4FilePart[] {
  return prompt.flatMap((message) =>
    message.role === "user" ? message.content.filter(isImage) : [],
  );
}

/**
 * Asks a model about images alone, without what was said before: signal, headers and provider options are those of the
 * wrapped call.
 */
export function askAboutImages(
  model: LanguageModelV4,
  { abortSignal, headers, providerOptions, ...call }: LanguageModelV4CallOptions,
  question: string,
  settings: FurtherCallSettings,
): PromiseLike<LanguageModelV4GenerateResult> {
  const prompt: LanguageModelV4Prompt = [
    { role: "user", content: [...imagesOf(call.prompt), { type: "text", text: question }] },
  ];
  FURTHER.add(prompt);
  return model.doGenerate({
    prompt,
    temperature: 0,
    ...settings,
    ...(abortSignal && { abortSignal }),
    ...(headers && { headers }),
    providerOptions: mergedOptions(providerOptions, settings.providerOptions),
  });
}

/** Provider options with others over them, provider by provider. */
export function mergedOptions(
  first: SharedV4ProviderOptions = {},
  then: SharedV4ProviderOptions = {},
): SharedV4ProviderOptions {
  const names = new Set([...Object.keys(first), ...Object.keys(then)]);
  return Object.fromEntries([...names].map((name) => [name, { ...first[name], ...then[name] }]));
}

/** The text of a result. */
export function textOf({ content }: LanguageModelV4GenerateResult): string {
  return content.flatMap((part) => (part.type === "text" ? part.text : [])).join("");
}

/** What two calls used together; what neither tells stays unknown. What the first told in its provider's form stays its own. */
export function addUsage(
  first: LanguageModelV4Usage,
  then: LanguageModelV4Usage,
): LanguageModelV4Usage {
  const sum = <T extends Record<string, number | undefined>>(a: T, b: T): T =>
    Object.fromEntries(
      Object.entries(a).map(([name, count]) => {
        const other = b[name];
        return [name, count === undefined ? other : count + (other ?? 0)];
      }),
    ) as T;
  return {
    ...first,
    inputTokens: sum(first.inputTokens, then.inputTokens),
    outputTokens: sum(first.outputTokens, then.outputTokens),
  };
}
