import { freemem } from "node:os";
import type { PreTrainedModel, Processor, RawImage, Tensor } from "@huggingface/transformers";
import { importFailure } from "../../errors.js";
import type { ProcessedImage, RgbPixels } from "../../families/family.js";
import { readChatTemplate } from "../chat-template.js";
import type { GraphDtypes } from "../checkpoint-folder.js";
import { pillowImage, type Transformers } from "../images/transformers-processor.js";
import { QUESTION } from "./decode-plainly.js";
import { type Finding, fault, passed, skipped } from "./examination.js";
import { graphInput } from "./examine-image.js";
import { megabytes } from "./graph-facts.js";

/** Largest difference of two pixel values that is rounding. */
const ROUNDING = 1e-4;
/** Memory that a model takes while it is opened, as a multiple of its files. */
const ROOM = 2;

/** What transformers.js makes of the question and an image. */
export interface StockInputs {
  /** Its inputs for pixels that are resized as Pillow does, which is what models were trained on. */
  readonly inputs: Readonly<Record<string, Tensor>>;
  /** Pixel values of the image resized its own way, which is not antialiased. */
  readonly ownWay: Readonly<Record<string, Tensor>>;
  /** Whether its processor resizes pixel values, past what images do, so that its own way is its only one. */
  readonly resizesValues: boolean;
}

/** Processors of transformers.js that cut images into tiles and resize the tiles' values. */
const RESIZES_VALUES = /^(Idefics3|SmolVLM)ImageProcessor/;

/** @throws UnsupportedCapabilityError with the command that installs it */
export async function stockPackage(): Promise<Transformers> {
  try {
    return await import("@huggingface/transformers");
  } catch (cause) {
    throw importFailure(
      {
        name: "@huggingface/transformers",
        version: "4.3.1",
        use: "the comparison with stock transformers.js",
        flags: "--ignore-scripts",
      },
      cause,
    );
  }
}

/** The inputs that transformers.js gives its model. @throws Error of transformers.js */
export async function stockInputs(
  transformers: Transformers,
  folder: string,
  { data, width, height }: RgbPixels,
): Promise<StockInputs> {
  const processor = await transformers.AutoProcessor.from_pretrained(folder, {
    local_files_only: true,
  });
  const prompt = renderQuestion(processor, readChatTemplate(folder).text);
  const PillowImage = pillowImage(transformers.RawImage);
  const own = new transformers.RawImage(new Uint8ClampedArray(data), width, height, 3);
  return {
    inputs: await callProcessor(processor, new PillowImage({ data, width, height }), prompt),
    ownWay: await callProcessor(processor, own, prompt),
    resizesValues: RESIZES_VALUES.test(processor.image_processor?.constructor.name ?? ""),
  };
}

/** Renders by the template that transformers.js finds; it does not look everywhere where there may be one. */
function renderQuestion(processor: Processor, template: string): string {
  const content = [{ type: "image" }, { type: "text", text: QUESTION }];
  const render = (options: object) =>
    processor.apply_chat_template([{ role: "user", content }] as never, {
      add_generation_prompt: true,
      tokenize: false,
      ...options,
    }) as string;
  try {
    return render({});
  } catch {
    return render({ chat_template: template });
  }
}

/** Processors take image and text in one order or the other; in the wrong one, each fails on a text for an image. */
async function callProcessor(
  processor: Processor,
  image: RawImage,
  prompt: string,
): Promise<Record<string, Tensor>> {
  const call = processor as unknown as (...given: unknown[]) => Promise<Record<string, Tensor>>;
  try {
    return await call(image, prompt);
  } catch (imageFirst) {
    try {
      return await call(prompt, image);
    } catch {
      throw imageFirst;
    }
  }
}

/** Compares pixel values. */
export function compareImage(stock: StockInputs, image: ProcessedImage): Finding<true> {
  const { pixelsInput } = image;
  const pixels = graphInput(image);
  const theirs = stock.inputs[pixelsInput];
  if (theirs === undefined) {
    return skipped(
      `transformers.js makes no ${pixelsInput}; it makes ${Object.keys(stock.inputs).join(", ")}`,
    );
  }
  const difference = farthest(theirs.data as Float32Array, pixels.data);
  if (difference === undefined) {
    return fault(
      `${pixelsInput} has shape ${pixels.dims.join(" x ")} here and ${theirs.dims.join(" x ")} in transformers.js`,
      PROCESSOR,
    );
  }
  if (stock.resizesValues) {
    return skipped(
      `transformers.js resizes tiles without antialiasing, Python's processor with it: ${pixelsInput} is up to ${difference.toPrecision(3)} off; tokens are compared from the same pixels`,
    );
  }
  if (!(difference <= ROUNDING)) {
    return fault(
      `${pixelsInput} is up to ${difference.toPrecision(3)} off that of transformers.js, though both resize alike`,
      PROCESSOR,
    );
  }
  const own = farthest(stock.ownWay[pixelsInput]?.data as Float32Array, pixels.data);
  const resizing =
    own === undefined || own <= ROUNDING
      ? "its own resizing makes no difference"
      : `its own resizing, which is not antialiased, is up to ${own.toFixed(2)} off`;
  return passed(`${pixelsInput} is that of transformers.js resizing as Pillow does; ${resizing}`);
}

const PROCESSOR =
  "compare preprocessor_config.json with the repository's; if it is the same, report the checkpoint's name";

/** Compares the tokens of the prompt. */
export function comparePrompt({ inputs }: StockInputs, tokens: readonly number[]): Finding<true> {
  const theirs = idsOf(inputs.input_ids);
  const at = firstDifference(tokens, theirs);
  if (at === undefined) return passed(`${tokens.length} tokens, the same as in transformers.js`);
  return fault(
    `the prompt has ${tokens.length} tokens here and ${theirs.length} in transformers.js; the first that differs is ${at}: ${tokens[at] ?? "none"} here, ${theirs[at] ?? "none"} there`,
    "compare tokenizer.json, processor_config.json and the chat template with the repository's; if they are the same, report the checkpoint's name",
  );
}

/** What {@link compareAnswer} asks transformers.js to run. */
export interface StockRun {
  readonly folder: string;
  readonly dtypes: GraphDtypes;
  readonly threads: number | undefined;
  readonly weightBytes: number;
  /** The image whose pixels it is given. */
  readonly image: ProcessedImage;
}

/** Compares greedy tokens, from the same inputs. */
export async function compareAnswer(
  transformers: Transformers,
  { inputs }: StockInputs,
  answer: { readonly tokens: readonly number[]; readonly logits: readonly Float32Array[] },
  { folder, dtypes, threads, weightBytes, image }: StockRun,
): Promise<Finding<true>> {
  if (ROOM * weightBytes > freemem()) {
    return skipped(
      `opening ${megabytes(weightBytes)} of weights once more takes about ${megabytes(ROOM * weightBytes)} of memory; ${megabytes(freemem())} are free`,
    );
  }
  const model: PreTrainedModel = await transformers.AutoModelForImageTextToText.from_pretrained(
    folder,
    {
      local_files_only: true,
      dtype: { ...dtypes } as Record<string, "fp32">,
      device: "cpu",
      ...(threads === undefined
        ? {}
        : { session_options: { intraOpNumThreads: threads, interOpNumThreads: 1 } }),
    },
  );
  const { env, LogLevel } = transformers;
  const { logLevel } = env;
  let theirs: number[];
  try {
    // What keeps it from answering is told by the check; it would print its inputs besides.
    env.logLevel = LogLevel.NONE;
    const { data, dims } = graphInput(image);
    const output = await model.generate({
      ...inputs,
      [image.pixelsInput]: new transformers.Tensor("float32", data, [...dims]),
      max_new_tokens: answer.tokens.length,
      do_sample: false,
      repetition_penalty: 1,
    } as never);
    theirs = idsOf(output as Tensor).slice(idsOf(inputs.input_ids).length);
  } finally {
    env.logLevel = logLevel;
    await model.dispose();
  }
  const own = answer.tokens.slice(0, theirs.length);
  const at = firstDifference(own, theirs);
  if (at === undefined) {
    return passed(`${own.length} greedy tokens, the same as in transformers.js`);
  }
  const row = answer.logits[at]!;
  const margin = row[own[at]!]! - row[theirs[at]!]!;
  const spread = Math.max(...row.map(Math.abs));
  if (margin <= 1e-4 * spread) {
    return passed(
      `${at} greedy tokens are the same as in transformers.js; then two are equally likely (logits differ by ${margin.toPrecision(2)})`,
    );
  }
  return fault(
    `token ${at} is ${own[at]} here and ${theirs[at]} in transformers.js, from the same pixels (logits differ by ${margin.toPrecision(2)})`,
    "one of the two is wrong: compare with the model in Python, and report the checkpoint's name (docs/models.md tells what transformers.js is known to do otherwise)",
  );
}

function idsOf(tensor: Tensor | undefined): number[] {
  return Array.from((tensor?.data ?? []) as BigInt64Array, Number);
}

function firstDifference(a: readonly number[], b: readonly number[]): number | undefined {
  const at = Array.from({ length: Math.max(a.length, b.length) }, (_, i) => i).find(
    (i) => a[i] !== b[i],
  );
  return at;
}

/** The largest difference; undefined for arrays of other lengths. */
function farthest(a: Float32Array | undefined, b: Float32Array): number | undefined {
  if (a?.length !== b.length) return undefined;
  let most = 0;
  for (let i = 0; i < b.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= most)) most = difference;
  }
  return most;
}
