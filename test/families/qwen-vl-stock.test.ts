import {
  type PreTrainedModel,
  type Processor,
  type RawImage,
  Tensor,
} from "@huggingface/transformers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readChatTemplate } from "../../src/node/chat-template.js";
import { patchProcessor } from "../../src/node/images/patch-processor.js";
import { readJsonFile } from "../../src/node/read-text-file.js";
import {
  CHECKPOINTS,
  picture,
  type RecordedCase,
  type Reference,
  readReference,
} from "../checkpoints.js";
import {
  expectStockBatch,
  type Inputs,
  leftPadded,
  openStock,
  rawImage,
  stockAnswers,
  templatePrompt,
} from "../stock-batches.js";

/** What stock transformers.js makes of the position behind a prompt of text alone. */
type TextPositions = (ids: Tensor, mask: Tensor) => [Tensor, Tensor];

/** Prompts' tokens in a batch, and their images as Groundsight processes them. */
async function ourInputs(
  name: string,
  reference: Reference,
  ...asked: RecordedCase[]
): Promise<Inputs> {
  const settings = readJsonFile(`${CHECKPOINTS}${name}/preprocessor_config.json`) as object;
  const processor = patchProcessor({ ...settings })!;
  const inputs: Inputs = leftPadded(asked.map(({ tokens }) => tokens));
  const shown = asked.flatMap(imagesOf).map((i) => picture(reference.images[i]!));
  if (shown.length === 0) return inputs;
  const rows: number[] = [];
  const grids: bigint[] = [];
  let width = 0;
  for (const image of shown) {
    const { pixel_values: values, image_grid_thw: grid } = await processor(
      image as Parameters<typeof processor>[0],
      {},
    );
    const patches = values as { data: Float32Array; dims: number[] };
    rows.push(...patches.data);
    grids.push(...(grid as { data: BigInt64Array }).data);
    width = patches.dims[1]!;
  }
  const dims = [rows.length / width, width];
  inputs.pixel_values = new Tensor("float32", Float32Array.from(rows), dims);
  inputs.image_grid_thw = new Tensor("int64", BigInt64Array.from(grids), [grids.length / 3, 3]);
  return inputs;
}

function imagesOf({ turns }: RecordedCase): number[] {
  return turns.flatMap(({ parts }) =>
    parts.flatMap((part) => ("image" in part ? [part.image] : [])),
  );
}

async function greedy(model: PreTrainedModel, inputs: Inputs, count: number): Promise<number[]> {
  return (await stockAnswers(model, inputs, count))[0]!;
}

const NAMES = ["qwen2-vl-concat", "qwen2.5-vl-gqa", "qwen3-vl-gqa", "qwen3.5-gqa"];
const DECODERS = NAMES.flatMap((name) =>
  (["fp32", "q4", "fp16"] as const).map((dtype) => [name, dtype] as const),
);

describe.each(DECODERS)("%s in stock transformers.js, its decoder in %s", (name, dtype) => {
  const reference = readReference(name);
  let model: PreTrainedModel;
  let processor: Processor;
  const rawImages = (made: RecordedCase) =>
    imagesOf(made).map((i) => rawImage(reference.images[i]!));
  // The stock processor of Qwen-VL does not look for chat_template.jinja.
  const promptOf = (made: RecordedCase): string =>
    templatePrompt(processor, made, readChatTemplate(CHECKPOINTS + name).text);

  beforeAll(async () => {
    ({ processor, stock: model } = await openStock(name, { decoder_model_merged: dtype }));
  });
  afterAll(() => model.dispose());

  test.each(["one image", "two images", "two images of one size", "later image"])(
    "%s, as Groundsight processes it: the tokens of PyTorch",
    async (key) => {
      const made = reference.cases[key]!;
      const inputs = await ourInputs(name, reference, made);
      expect(await greedy(model, inputs, made.greedy.length)).toEqual(made.greedy);
    },
  );

  test("known bug: of two prompts of unequal length the shorter one sees padding", async () => {
    const { batch, cases } = reference;
    const inputs = await ourInputs(name, reference, ...batch.rows.map((key) => cases[key]!));
    await expectStockBatch(model, inputs, batch, name !== "qwen2-vl-concat");
  });

  test("its own processor makes the prompt of PyTorch for one image, of other pixels", async () => {
    const made = reference.cases["one image"]!;
    const inputs = (await processor(promptOf(made), rawImages(made))) as Inputs;
    expect([...(inputs.input_ids!.data as BigInt64Array)].map(Number)).toEqual(made.tokens);
    const ours = await ourInputs(name, reference, made);
    const differences = [...(inputs.pixel_values!.data as Float32Array)].map((value, i) =>
      Math.abs(value - (ours.pixel_values!.data[i] as number)),
    );
    // It enlarges and shrinks without Pillow's antialiasing: a known difference, of more than a grey level.
    expect(Math.max(...differences)).toBeGreaterThan(2 / 255);
  });

  test("bug: its own processor takes two images of one size for two frames, and fails on others", async () => {
    const equal = reference.cases["two images of one size"]!;
    await expect(processor(promptOf(equal), rawImages(equal))).rejects.toThrow();
    const { image_grid_thw: grid } = (await (
      processor.image_processor as unknown as (images: RawImage[]) => Promise<Inputs>
    )(rawImages(equal))) as Inputs;
    expect([...(grid!.data as BigInt64Array)]).toEqual([1n, 6n, 8n]);
    const unequal = reference.cases["two images"]!;
    await expect(processor(promptOf(unequal), rawImages(unequal))).rejects.toThrow();
  });

  test("bug: of text alone the positions are wrong from the second token on; put right, the tokens are PyTorch's", async () => {
    const made = reference.cases.none!;
    const inputs = await ourInputs(name, reference, made);
    const stock = await greedy(model, inputs, made.greedy.length);
    expect(stock[0]).toBe(made.greedy[0]);
    expect(stock).not.toEqual(made.greedy);
    const patched = model as unknown as { _get_text_only_rope_index: TextPositions };
    const original = patched._get_text_only_rope_index;
    patched._get_text_only_rope_index = (ids, mask) => {
      const [positions, delta] = original.call(model, ids, mask);
      expect((delta.data as BigInt64Array)[0]).toBe(2n * BigInt(made.tokens.length));
      return [positions, new Tensor("int64", BigInt64Array.of(0n), [1, 1])];
    };
    try {
      expect(await greedy(model, inputs, made.greedy.length)).toEqual(made.greedy);
    } finally {
      patched._get_text_only_rope_index = original;
    }
  });
});
