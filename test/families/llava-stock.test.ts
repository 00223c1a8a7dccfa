import type { Processor, RawImage } from "@huggingface/transformers";
import { afterAll, describe, expect, test } from "vitest";
import {
  largestDifference,
  openCheckpoint,
  type RecordedCase,
  readReference,
} from "../checkpoints.js";
import {
  expectStockBatch,
  type Inputs,
  laidOutInputs,
  openStock,
  rawImage,
  testOurInputs,
} from "../stock-batches.js";

const NAMES = [
  "llava-concat",
  "llava-onevision-concat",
  "fastvlm-concat",
  "moondream1-concat",
] as const;

/** Tables are in 32 bits throughout: stock transformers.js gives a decoder what they give, whatever it takes. */
const CHECKPOINTS = NAMES.flatMap((name) =>
  (["fp32", "q4", "fp16"] as const).map((dtype) => [name, dtype] as const),
);

describe.each(CHECKPOINTS)("%s in stock transformers.js, in %s", async (name, dtype) => {
  const reference = readReference(name);
  const backend = await openCheckpoint(name);
  const { processor, stock } = await openStock(name, { decoder_model_merged: dtype });
  afterAll(() => Promise.all([backend.release(), stock.dispose()]));

  const ourInputs = (...asked: RecordedCase[]) => laidOutInputs(backend, reference, asked);
  testOurInputs(stock, reference, ourInputs);

  test("known bug: of two prompts of unequal length the shorter one sees padding; put right, the tokens are PyTorch's", async () => {
    const { batch, cases } = reference;
    const inputs = await ourInputs(...batch.rows.map((key) => cases[key]!));
    await expectStockBatch(stock, inputs, batch, false);
  });

  test("known bug: it resizes without averaging, so that its pixels are others", async () => {
    const { pixel_values: values } = await processed(processor, rawImage(reference.images[0]!));
    const { pixel_values: own } = await ourInputs(reference.cases["one image"]!);
    expect(values!.dims).toEqual(own!.dims);
    const [theirs, ours] = [values!.data, own!.data] as [Float32Array, Float32Array];
    expect(largestDifference(theirs, ours)).toBeGreaterThan(0.1);
  });
});

/** What its image processor makes of an image, which is all that it has for most of this family. */
function processed(processor: Processor, image: RawImage): Promise<Inputs> {
  return (processor.image_processor as unknown as (image: RawImage) => Promise<Inputs>)(image);
}

describe("LLaVA's processor in stock transformers.js", async () => {
  const reference = readReference("llava-concat");
  const { processor, stock } = await openStock("llava-concat");
  await stock.dispose();
  const asked = processor as unknown as (images: RawImage[], text: string) => Promise<Inputs>;
  /** How many image tokens stand in its prompt. */
  const imageTokens = async (images: number) => {
    const shown = Array.from({ length: images }, (_, i) => rawImage(reference.images[i]!));
    const { input_ids: ids } = await asked(shown, "<image>".repeat(images));
    return ids!.data.length;
  };

  test("known bug: it keeps a token for the tower's class, whose features are left out by default", async () => {
    expect(await imageTokens(1)).toBe(16 + 1);
  });

  test("known bug: of several images it lays out the first one alone", async () => {
    expect(await imageTokens(2)).toBe(16 + 1 + 1);
  });
});
