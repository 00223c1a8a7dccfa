import {
  AutoImageProcessor,
  AutoTokenizer,
  type PreTrainedTokenizer,
  RawImage,
} from "@huggingface/transformers";
import { BoundedCache } from "../engine/bounded-cache.js";
import { GroundsightError, InferenceError, ModelLoadError } from "../errors.js";
import type {
  ImageProcessor,
  ProcessorOutput,
  PromptPart,
  PromptTools,
  PromptTurn,
} from "../families/family.js";
import { type ChatTemplate, readChatTemplate, withinTemplateTime } from "./chat-template.js";

/** Bound of the texts that are kept encoded. */
const ENCODED_BYTES = 4 * 2 ** 20;

/** What transformers.js reads of a checkpoint. */
export interface Processors {
  readonly prompts: PromptTools;
  readonly imageProcessor: ImageProcessor;
  /** Text of a token, special ones included; empty when there is none. */
  tokenText(id: number): string;
}

/**
 * The checkpoint's tokenizer, chat template and image processor, from transformers.js.
 *
 * @param path the checkpoint's folder
 * @throws ModelLoadError when they cannot be read
 */
export async function loadProcessors(path: string): Promise<Processors> {
  const local = { local_files_only: true };
  try {
    const template = readChatTemplate(path);
    const tokenizer = await AutoTokenizer.from_pretrained(path, local);
    checkTokenizer(tokenizer);
    const prompts = promptTools(tokenizer, template);
    const processor = await AutoImageProcessor.from_pretrained(path, local);
    return {
      prompts,
      imageProcessor: async ({ data, width, height }, options) => {
        const image = new RawImage(data as Uint8ClampedArray, width, height, 3);
        return (await processor(image, options)) as ProcessorOutput;
      },
      tokenText: (id) => (id >= 0 ? tokenizer.decode([id], { skip_special_tokens: false }) : ""),
    };
  } catch (cause) {
    if (GroundsightError.isInstance(cause)) throw cause;
    throw new ModelLoadError(
      `cannot read the tokenizer or image processor in ${path}: ${(cause as Error).message}`,
      { cause },
    );
  }
}

/** A tokenizer_class may name what is no tokenizer. */
function checkTokenizer(tokenizer: PreTrainedTokenizer): void {
  const { encode, decode, apply_chat_template: render } = tokenizer ?? {};
  if ([encode, decode, render].every((one) => typeof one === "function")) return;
  throw new ModelLoadError(
    "tokenizer_config.json: its tokenizer_class names no tokenizer; expected, for example, PreTrainedTokenizerFast",
  );
}

/** @throws ModelLoadError when the template renders no question, with an image or without */
function promptTools(tokenizer: PreTrainedTokenizer, { text, file }: ChatTemplate): PromptTools {
  const render = (turns: readonly PromptTurn[], addGenerationPrompt: boolean): string => {
    // Its types know only text content; its templates take the parts of a multimodal turn.
    const messages = turns.map(({ role, parts }) => ({
      role,
      content: structuredClone(parts) as unknown as string,
    }));
    return withinTemplateTime(() =>
      tokenizer.apply_chat_template(messages, {
        tokenize: false,
        add_generation_prompt: addGenerationPrompt,
        chat_template: text,
      }),
    ) as string;
  };
  const question: PromptPart = { type: "text", text: "?" };
  try {
    render([{ role: "user", parts: [{ type: "image" }, question] }], true);
  } catch (withImage) {
    try {
      render([{ role: "user", parts: [question] }], true);
    } catch {
      throw new ModelLoadError(
        `${file}: the chat template cannot render a question: ${(withImage as Error).message}`,
        { cause: withImage },
      );
    }
  }
  // Every question of a conversation encodes the prompts before it again, and each of a method's streams its own.
  const encoded = new BoundedCache<readonly number[]>(ENCODED_BYTES);
  return {
    render(turns, addGenerationPrompt) {
      try {
        return render(turns, addGenerationPrompt);
      } catch (cause) {
        throw new InferenceError(
          `the checkpoint's chat template (${file}) cannot render this conversation: ${(cause as Error).message}`,
          { cause },
        );
      }
    },
    encode(text) {
      const known = encoded.get(text);
      if (known !== undefined) return [...known];
      const ids = tokenizer.encode(text, { add_special_tokens: false });
      encoded.set(text, ids, 2 * text.length + 8 * ids.length);
      return [...ids];
    },
    decode: (ids) =>
      ids.length === 0 ? "" : tokenizer.decode([...ids], { skip_special_tokens: true }),
    controls: tokenizer.all_special_tokens,
  };
}
