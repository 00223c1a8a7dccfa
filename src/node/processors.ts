import {
  AutoImageProcessor,
  AutoTokenizer,
  type PreTrainedTokenizer,
  RawImage,
} from "@huggingface/transformers";
import { BoundedCache } from "../engine/bounded-cache.js";
import { ModelLoadError } from "../errors.js";
import type { ImageProcessor, ProcessorOutput, PromptTools } from "../families/family.js";

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
    const tokenizer = await AutoTokenizer.from_pretrained(path, local);
    const processor = await AutoImageProcessor.from_pretrained(path, local);
    return {
      prompts: promptTools(tokenizer),
      imageProcessor: async ({ data, width, height }, options) => {
        const image = new RawImage(data as Uint8ClampedArray, width, height, 3);
        return (await processor(image, options)) as ProcessorOutput;
      },
      tokenText: (id) => (id >= 0 ? tokenizer.decode([id], { skip_special_tokens: false }) : ""),
    };
  } catch (cause) {
    throw new ModelLoadError(
      `cannot read the tokenizer or image processor in ${path}: ${(cause as Error).message}`,
      { cause },
    );
  }
}

function promptTools(tokenizer: PreTrainedTokenizer): PromptTools {
  // Every question of a conversation encodes the prompts before it again, and each of a method's streams its own.
  const encoded = new BoundedCache<readonly number[]>(ENCODED_BYTES);
  return {
    render(turns, addGenerationPrompt) {
      // Its types know only text content; its templates take the parts of a multimodal turn.
      const messages = turns.map(({ role, parts }) => ({
        role,
        content: structuredClone(parts) as unknown as string,
      }));
      const rendered = tokenizer.apply_chat_template(messages, {
        tokenize: false,
        add_generation_prompt: addGenerationPrompt,
      });
      return rendered as string;
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
