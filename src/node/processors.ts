import { BoundedCache } from "../engine/bounded-cache.js";
import { GroundsightError, InferenceError, ModelLoadError } from "../errors.js";
import type { ImageProcessor, PromptPart, PromptTools, PromptTurn } from "../families/family.js";
import { type ChatTemplate, readChatTemplate, withinTemplateTime } from "./chat-template.js";
import { loadImageProcessor } from "./images/image-processor.js";
import { type CheckpointTokenizer, readTokenizer } from "./tokenizer.js";

/** Bound of the texts that are kept encoded. */
const ENCODED_BYTES = 4 * 2 ** 20;

/** What turns words and pictures into a checkpoint's inputs. */
export interface Processors {
  readonly prompts: PromptTools;
  readonly imageProcessor: ImageProcessor;
  /** Text of a token, special ones included; empty when there is none. */
  tokenText(id: number): string;
}

/**
 * The checkpoint's tokenizer, chat template and image processor.
 *
 * @param path the checkpoint's folder
 * @throws ModelLoadError when they cannot be read
 */
export async function loadProcessors(path: string): Promise<Processors> {
  try {
    const template = readChatTemplate(path);
    const tokenizer = readTokenizer(path);
    const prompts = promptTools(tokenizer, template);
    return {
      prompts,
      imageProcessor: await loadImageProcessor(path),
      tokenText: (id) => (id >= 0 ? tokenizer.decode([id], { special: true }) : ""),
    };
  } catch (cause) {
    if (GroundsightError.isInstance(cause)) throw cause;
    throw new ModelLoadError(
      `cannot read the tokenizer or image processor in ${path}: ${(cause as Error).message}`,
      { cause },
    );
  }
}

/** @throws ModelLoadError when the template renders no question, with an image or without */
function promptTools(tokenizer: CheckpointTokenizer, { text, file }: ChatTemplate): PromptTools {
  const render = (turns: readonly PromptTurn[], addGenerationPrompt: boolean): string =>
    withinTemplateTime(() => tokenizer.render(text, turns, addGenerationPrompt));
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
      const ids = tokenizer.encode(text);
      if (!ids.every((id) => Number.isSafeInteger(id) && id >= 0)) {
        throw new ModelLoadError(
          "tokenizer.json: the tokenizer makes no token ids of a text; its model is incomplete or of an unknown kind",
        );
      }
      encoded.set(text, ids, 2 * text.length + 8 * ids.length);
      return [...ids];
    },
    decode: (ids) => tokenizer.decode(ids, { special: false }),
    controls: tokenizer.controls,
  };
}
