import type { Processor, RawImage, Tensor } from "@huggingface/transformers";
import type { ModelFamily, RgbPixels } from "../../families/family.js";
import { readChatTemplate } from "../chat-template.js";
import { pillowImage, type Transformers } from "../images/transformers-processor.js";
import { QUESTION } from "./decode-plainly.js";

/** What transformers.js makes of the question and an image. */
export interface StockInputs {
  /** Its inputs for pixels that are resized as Pillow does, which is what models were trained on. */
  readonly inputs: Readonly<Record<string, Tensor>>;
  /** Pixel values of the image resized its own way, which is not antialiased. */
  readonly ownWay: Readonly<Record<string, Tensor>>;
  /** Whether its processor resizes pixel values, past what images do, so that its own way is its only one. */
  readonly resizesValues: boolean;
  /** Whether its processor puts empty lines around images' tokens, which are left out here. */
  readonly addsLines: boolean;
  /** Why its prompt cannot be compared, and ours is given to it; undefined where it can. */
  readonly noPrompt: string | undefined;
}

/** Processors of transformers.js that cut images into tiles and resize values, of tiles or before they are cut. */
const RESIZES_VALUES = /^(Idefics3|SmolVLM|Lfm2Vl)ImageProcessor/;

/** Processors that in Python do not look at `do_resize`, by which transformers.js makes every image a square. */
const NEVER_RESIZES_FIRST = /^Lfm2VlImageProcessor/;

/** Processors of transformers.js that put empty lines around an image's tokens; Python's leave them to the template. */
const ADDS_LINES = /^Gemma4Processor/;

/** Processors of transformers.js that write prompts themselves, around a question, for models without a chat template. */
const WRITES_PROMPTS = /^PaliGemmaProcessor/;

/** The inputs that transformers.js gives its model. @throws Error of transformers.js */
export async function stockInputs(
  transformers: Transformers,
  folder: string,
  { imageToken }: Pick<ModelFamily, "imageToken">,
  { data, width, height }: RgbPixels,
): Promise<StockInputs> {
  const processor = await transformers.AutoProcessor.from_pretrained(folder, {
    local_files_only: true,
  });
  const images = processor.image_processor as { do_resize?: boolean } | undefined;
  const kind = images?.constructor.name ?? "";
  if (NEVER_RESIZES_FIRST.test(kind)) images!.do_resize = false;
  const prompt = renderQuestion(processor, folder, imageToken);
  const addsLines = ADDS_LINES.test(processor.constructor.name);
  if (addsLines) leaveLinesOut(processor);
  const PillowImage = pillowImage(transformers.RawImage);
  const own = new transformers.RawImage(new Uint8ClampedArray(data), width, height, 3);
  return {
    inputs: await callProcessor(processor, new PillowImage({ data, width, height }), prompt),
    ownWay: await callProcessor(processor, own, prompt),
    resizesValues: RESIZES_VALUES.test(kind),
    addsLines,
    noPrompt: noPromptReason(processor),
  };
}

function noPromptReason({ tokenizer, config }: Processor): string | undefined {
  if (tokenizer === undefined) {
    return "transformers.js has no processor that lays out prompts for this checkpoint; it is given ours";
  }
  const { vision_feature_select_strategy: strategy } = { ...config } as Record<string, unknown>;
  return strategy === "default"
    ? "transformers.js counts an image token for the feature that vision_feature_select_strategy 'default' leaves out; it is given our prompt"
    : undefined;
}

/** Gives a processor's tokenizer texts without the lines that the processor puts around images. */
function leaveLinesOut(processor: Processor): void {
  const { components, boi_token, eoi_token } = processor as unknown as {
    components: { tokenizer: (texts: string[], options: object) => unknown };
    boi_token: string;
    eoi_token: string;
  };
  const bare = (text: string) =>
    text.replaceAll(`\n\n${boi_token}`, boi_token).replaceAll(`${eoi_token}\n\n`, eoi_token);
  components.tokenizer = new Proxy(components.tokenizer, {
    apply: (tokenizer, _, [texts, options]) => tokenizer(texts.map(bare), options),
  });
}

/**
 * Renders by the template that transformers.js finds; it does not look everywhere where there may be one. Templates of
 * text models print the parts of a turn as data; they are given a text.
 *
 * @returns undefined where it has a processor for images alone
 */
function renderQuestion(
  processor: Processor,
  folder: string,
  imageToken: string,
): string | undefined {
  if (processor.tokenizer === undefined) return undefined;
  if (WRITES_PROMPTS.test(processor.constructor.name)) return `${imageToken}${QUESTION}`;
  const render = (content: unknown, options: object) =>
    processor.apply_chat_template([{ role: "user", content }] as never, {
      add_generation_prompt: true,
      tokenize: false,
      ...options,
    }) as string;
  const parts = [{ type: "image" }, { type: "text", text: QUESTION }];
  let rendered: string;
  let options = {};
  try {
    rendered = render(parts, options);
  } catch {
    options = { chat_template: readChatTemplate(folder).text };
    rendered = render(parts, options);
  }
  return rendered.includes('"type": "image"')
    ? render(`${imageToken}\n${QUESTION}`, options)
    : rendered;
}

/** Processors take image and text in one order or the other, some sound behind them; in the wrong one, each fails. */
async function callProcessor(
  processor: Processor,
  image: RawImage,
  prompt: string | undefined,
): Promise<Record<string, Tensor>> {
  const call = processor as unknown as (...given: unknown[]) => Promise<Record<string, Tensor>>;
  if (prompt === undefined) return call(image);
  // Its tokenizers put their first token before a text that begins with it, too.
  const { bos_token: beginning } = processor.tokenizer as { bos_token?: string | null };
  const begins =
    WRITES_PROMPTS.test(processor.constructor.name) ||
    (typeof beginning === "string" && beginning !== "" && prompt.startsWith(beginning));
  const options = begins ? { add_special_tokens: false } : {};
  const orders = [
    [image, prompt, options],
    [prompt, image, options],
    [prompt, image, null, options],
  ];
  let first: unknown;
  for (const given of orders) {
    try {
      return await call(...given);
    } catch (failure) {
      first ??= failure;
    }
  }
  throw first;
}
