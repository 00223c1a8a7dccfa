import {
  AutoModelForImageTextToText,
  AutoProcessor,
  env,
  type PreTrainedModel,
  type Processor,
  RawImage,
  Tensor,
} from "@huggingface/transformers";
import { expect, test } from "vitest";
import type { OnnxBackend } from "../src/backends/onnx/backend.js";
import { type DtypeChoice, graphDtypes } from "../src/node/dtype-choice.js";
import {
  CHECKPOINTS,
  layOutCase,
  type PictureFormula,
  picture,
  type RecordedCase,
  type Reference,
} from "./checkpoints.js";

/** What stock transformers.js gives a model, by name. */
export type Inputs = Record<string, Tensor>;
type PreparesInputs = {
  prepare_inputs_for_generation(...given: unknown[]): Record<string, unknown>;
};

/** A tiny checkpoint in stock transformers.js; a graph that `dtype` does not name is opened in 32 bits. */
export async function openStock(
  name: string,
  dtype: DtypeChoice = "fp32",
): Promise<{ readonly processor: Processor; readonly stock: PreTrainedModel }> {
  env.allowRemoteModels = false;
  env.localModelPath = CHECKPOINTS;
  const processor = await AutoProcessor.from_pretrained(name);
  const stock = await AutoModelForImageTextToText.from_pretrained(name, {
    dtype: graphDtypes(dtype),
    device: "cpu",
  });
  return { processor, stock };
}

/** A picture as stock transformers.js takes it. */
export function rawImage(formula: PictureFormula): RawImage {
  const { data, width, height } = picture(formula);
  return new RawImage(data as Uint8Array, width, height, 3);
}

/** Prompts of any lengths as stock transformers.js takes a batch of them: with padding, masked, in front of the shorter ones. */
export function leftPadded(
  prompts: readonly (readonly number[])[],
): Record<"input_ids" | "attention_mask", Tensor> {
  const length = Math.max(...prompts.map((tokens) => tokens.length));
  const tensor = (of: (token: number) => bigint) => {
    const rows = prompts.flatMap((tokens) => [
      ...Array.from({ length: length - tokens.length }, () => 0n),
      ...tokens.map(of),
    ]);
    return new Tensor("int64", BigInt64Array.from(rows), [prompts.length, length]);
  };
  return { input_ids: tensor(BigInt), attention_mask: tensor(() => 1n) };
}

/** Prompts as Groundsight lays them out, in a batch padded on the left, and their images, of one size, one behind the other. */
export async function laidOutInputs(
  backend: OnnxBackend,
  reference: Reference,
  asked: readonly RecordedCase[],
): Promise<Inputs> {
  const laidOut = await Promise.all(asked.map((made) => layOutCase(backend, reference, made)));
  const inputs: Inputs = leftPadded(laidOut.map(({ prompt }) => prompt.tokens));
  const images = await Promise.all(
    laidOut.flatMap(({ images }) => images.map((image) => image.process())),
  );
  if (images.length === 0) return inputs;
  const values = Float32Array.from(images.flatMap(({ pixels }) => [...pixels.data]));
  const dims = [images.length, ...images[0]!.pixels.dims.slice(1)];
  inputs.pixel_values = new Tensor("float32", values, dims);
  return inputs;
}

/** A recorded conversation as a stock processor's chat template writes it. */
export function templatePrompt(
  processor: Processor,
  { turns }: RecordedCase,
  template?: string,
): string {
  return processor.apply_chat_template(
    turns.map(({ role, parts }) => ({
      role,
      content: parts.map((part) =>
        "image" in part ? { type: "image" } : { type: "text", text: part.text },
      ),
    })) as Parameters<Processor["apply_chat_template"]>[0],
    {
      add_generation_prompt: true,
      tokenize: false,
      ...(template === undefined ? {} : { chat_template: template }),
    },
  ) as string;
}

/** Tests that stock transformers.js has PyTorch's tokens for each recorded case, given what Groundsight makes of it. */
export function testOurInputs(
  model: PreTrainedModel,
  { cases }: Reference,
  ourInputs: (made: RecordedCase) => Promise<Inputs>,
): void {
  test.each(Object.entries(cases))("gives the same tokens to our inputs: %s", async (_, made) => {
    expect(await stockAnswers(model, await ourInputs(made), made.greedy.length)).toEqual([
      made.greedy,
    ]);
  });
}

/** The greedy tokens behind each prompt of a batch, by stock transformers.js. */
export async function stockAnswers(
  model: PreTrainedModel,
  inputs: Inputs,
  count: number,
): Promise<number[][]> {
  const output = await model.generate({
    ...inputs,
    max_new_tokens: count,
    do_sample: false,
  } as Parameters<PreTrainedModel["generate"]>[0]);
  const length = inputs.input_ids!.dims[1]!;
  return (output as Tensor).tolist().map((row: bigint[]) => row.slice(length).map(Number));
}

/**
 * Compares a batch of a shorter and a longer prompt, in this order, with PyTorch's. Two bugs of the stock concern the
 * shorter one:
 *
 * - From the second token on, where there are images, it takes padding for tokens: it makes the mask anew, of ones. Put
 *   right, the tokens are PyTorch's.
 * - GroupQueryAttention counts a row's tokens from its first column, where the stock puts padding.
 */
export async function expectStockBatch(
  model: PreTrainedModel,
  inputs: Inputs,
  { greedy }: Reference["batch"],
  isCounted: boolean,
): Promise<void> {
  const [shorter, longer] = greedy as [number[], number[]];
  const answers = () => stockAnswers(model, inputs, longer.length);
  const stock = await answers();
  expect(stock[1]).toEqual(longer);
  expect(stock[0]).not.toEqual(shorter);
  if (!isCounted) expect(stock[0]![0]).toBe(shorter[0]);
  const preparing = model as unknown as PreparesInputs;
  const original = preparing.prepare_inputs_for_generation;
  preparing.prepare_inputs_for_generation = (...given) => {
    const made = original.apply(model, given);
    // Without images among the inputs the mask stays as it is.
    if (made.past_key_values) {
      for (const name of Object.keys(made).filter((one) => /^(pixel|image)_/.test(one)))
        delete made[name];
    }
    return made;
  };
  try {
    const mended = await answers();
    expect(mended[1]).toEqual(longer);
    if (isCounted) expect(mended[0]).not.toEqual(shorter);
    else expect(mended[0]).toEqual(shorter);
  } finally {
    preparing.prepare_inputs_for_generation = original;
  }
}
