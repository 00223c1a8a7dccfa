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
 * @param chatTemplate the one that its family falls back on
 * @throws ModelLoadError when they cannot be read
 */
export async function loadProcessors(path: string, chatTemplate?: string): Promise<Processors> {
  try {
    const template = readChatTemplate(path, chatTemplate);
    const tokenizer = readTokenizer(path);
    const prompts = promptTools(tokenizer, template);
    return {
      prompts,
      imageProcessor: await loadImageProcessor(path),
      tokenText: (id) => tokenizer.decode([id], { special: true }),
    };
  } catch (cause) {
    if (GroundsightError.isInstance(cause)) throw cause;
    throw new ModelLoadError(
      `cannot read the tokenizer or image processor in ${path}: ${(cause as Error).message}`,
      { cause },
    );
  }
}

/**
 * A question as the chat template has it: with an image, or without where the template takes none.
 *
 * @throws ModelLoadError when it renders neither
 */
export function renderQuestion(
  tokenizer: CheckpointTokenizer,
  { text, file }: ChatTemplate,
): string {
  const render = (parts: readonly PromptPart[]): string =>
    withinTemplateTime(() => tokenizer.render(text, [{ role: "user", parts }], true));
  const question: PromptPart = { type: "text", text: "?" };
  try {
    return render([{ type: "image" }, question]);
  } catch (withImage) {
    try {
      return render([question]);
    } catch {
      throw new ModelLoadError(
        `${file}: the chat template cannot render a question: ${(withImage as Error).message}`,
        { cause: withImage },
      );
    }
  }
}

/** @throws ModelLoadError when the template renders no question, with an image or without */
function promptTools(tokenizer: CheckpointTokenizer, template: ChatTemplate): PromptTools {
  const { text, file } = template;
  const render = (turns: readonly PromptTurn[], addGenerationPrompt: boolean): string =>
    withinTemplateTime(() => tokenizer.render(text, turns, addGenerationPrompt));
  renderQuestion(tokenizer, template);
  // Every question of a conversation encodes the prompts before it again, and each of a method's streams its own.
  const encoded = new BoundedCache<readonly number[]>(ENCODED_BYTES);
  // Of tokens, control tokens alone may have a negative id (an image token of -200).
  const isId = (id: number): boolean =>
    Number.isSafeInteger(id) &&
    (id >= 0 || tokenizer.controls.includes(tokenizer.decode([id], { special: true })));
  const encode = (written: string, around: boolean): number[] => {
    const key = `${around ? "around" : "alone"} ${written}`;
    const known = encoded.get(key);
    if (known !== undefined) return [...known];
    const ids = tokenizer.encode(written, { around });
    if (!ids.every(isId)) {
      throw new ModelLoadError(
        "tokenizer.json: the tokenizer makes no token ids of a text; its model is incomplete or of an unknown kind",
      );
    }
    encoded.set(key, ids, 2 * key.length + 8 * ids.length);
    return [...ids];
  };
  const { beginning } = tokenizer;
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
    // As the processors of transformers have it, so that no prompt begins with that token twice.
    encode: (prompt) => encode(prompt, beginning === "" || !prompt.startsWith(beginning)),
    encodeText: (written) => encode(written, false),
    decode: (ids) => tokenizer.decode(ids, { special: false }),
    bytesOf: tokenizer.bytesOf,
    controls: tokenizer.controls,
    unknown: tokenizer.unknown,
  };
}
