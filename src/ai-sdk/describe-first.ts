import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4Middleware,
  LanguageModelV4Prompt,
  LanguageModelV4Usage,
  SharedV4ProviderMetadata,
} from "@ai-sdk/provider";
import { DESCRIBE_PROMPT } from "../core.js";
import { describedAs } from "../objects/ask-about.js";
import {
  addUsage,
  askAboutImages,
  type FurtherCallSettings,
  imagesOf,
  isFurtherCall,
  textOf,
} from "./ask-model.js";
import { checkDescribeFirst } from "./check-options.js";
import { isImage } from "./prompt-turns.js";
import { withMetadata } from "./with-metadata.js";

/** Options of {@link describeFirst}. */
export interface DescribeFirstOptions {
  /** What the model is asked for a description with; `{task}` in it stands for the last question. Default that of `vdgd`. */
  readonly prompt?: string;
  /** Settings of the call for the description. Default: greedy, at most 256 tokens. */
  readonly description?: FurtherCallSettings;
}

/**
 * A middleware that has the model describe the images first, and puts its description into the prompt, in front of the
 * images of the last question: what VDGD does (Ghosh et al. 2025), without its decoding. A prompt without images stays as it
 * is. One call more for each; its tokens are in the usage, and the text in `providerMetadata.groundsight.description`.
 *
 * A model that describes wrongly is led astray by it: with its own caption in the prompt, Qwen2.5-VL-3B was worse on
 * HallusionBench (GEASS, arXiv 2605.01733). Measure it on your questions.
 *
 * @throws InvalidArgumentError for an unknown option or a wrong value
 */
export function describeFirst(options: DescribeFirstOptions = {}): LanguageModelV4Middleware {
  checkDescribeFirst(options);
  const { prompt: request = DESCRIBE_PROMPT, description: settings = {} } = options;
  const describe = async (model: LanguageModelV4, params: LanguageModelV4CallOptions) => {
    const asked = request.replaceAll("{task}", () => lastQuestion(params.prompt));
    const result = await askAboutImages(model, params, asked, {
      maxOutputTokens: 256,
      ...settings,
    });
    const text = textOf(result).trim();
    return {
      params: text === "" ? params : { ...params, prompt: describedPrompt(params.prompt, text) },
      told: { description: text },
      usage: result.usage,
    };
  };
  return {
    specificationVersion: "v4",
    async wrapGenerate({ doGenerate, params, model }) {
      if (isLeftAlone(params)) return doGenerate();
      const { params: described, ...further } = await describe(model, params);
      const result = await model.doGenerate(described);
      return { ...result, ...withFurther(result, further) };
    },
    async wrapStream({ doStream, params, model }) {
      if (isLeftAlone(params)) return doStream();
      const { params: described, ...further } = await describe(model, params);
      const { stream, ...result } = await model.doStream(described);
      const told = new TransformStream({
        transform(part, controller) {
          controller.enqueue(
            part.type === "finish" ? { ...part, ...withFurther(part, further) } : part,
          );
        },
      });
      return { ...result, stream: stream.pipeThrough(told) };
    },
  };
}

/** What no description is made for: prompts without images, and what another middleware asks. */
function isLeftAlone(params: LanguageModelV4CallOptions): boolean {
  return imagesOf(params.prompt).length === 0 || isFurtherCall(params);
}

interface Ended {
  readonly usage: LanguageModelV4Usage;
  readonly providerMetadata?: SharedV4ProviderMetadata;
}

function withFurther(
  { usage, providerMetadata }: Ended,
  further: {
    readonly usage: LanguageModelV4Usage;
    readonly told: { readonly description: string };
  },
): Required<Ended> {
  return {
    usage: addUsage(usage, further.usage),
    providerMetadata: withMetadata(providerMetadata, further.told),
  };
}

/** The texts of the last message of a user. */
function lastQuestion(prompt: LanguageModelV4Prompt): string {
  const content = prompt.findLast(({ role }) => role === "user")?.content ?? [];
  if (typeof content === "string") return content;
  return content.flatMap((part) => (part.type === "text" ? part.text : [])).join("\n");
}

/** The prompt with a description in the last message of a user: in front of its images, or of all where it has none. */
function describedPrompt(prompt: LanguageModelV4Prompt, text: string): LanguageModelV4Prompt {
  const last = prompt.findLastIndex(({ role }) => role === "user");
  return prompt.map((message, i) => {
    if (i !== last || message.role !== "user") return message;
    const image = Math.max(message.content.findIndex(isImage), 0);
    const content = message.content.toSpliced(image, 0, { type: "text", text: describedAs(text) });
    return { ...message, content };
  });
}
