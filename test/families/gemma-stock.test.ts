import { type Processor, type RawImage, Tensor } from "@huggingface/transformers";
import { afterAll, describe, expect, test } from "vitest";
import {
  largestDifference,
  layOutCase,
  openCheckpoint,
  type RecordedCase,
  readReference,
} from "../checkpoints.js";
import {
  expectStockBatch,
  leftPadded,
  openStock,
  rawImage,
  stockAnswers,
} from "../stock-batches.js";

type Inputs = Record<string, Tensor>;

/** The decoder of a stock model, as far as it is listened to here. */
interface Sessions {
  readonly decoder_model_merged: {
    run(feeds: { readonly attention_mask: { readonly data: BigInt64Array } }): unknown;
  };
}

/** A question as the stock processor is asked it: PaliGemma's as a text, Gemma 3's by its chat template. */
const PROMPT_OF: Readonly<Record<string, (processor: Processor, made: RecordedCase) => string>> = {
  "gemma3-gqa": (processor, { turns }) =>
    processor.apply_chat_template(
      turns.map(({ role, parts }) => ({
        role,
        content: parts.map((part) =>
          "image" in part ? { type: "image" } : { type: "text", text: part.text },
        ),
      })) as Parameters<Processor["apply_chat_template"]>[0],
      { add_generation_prompt: true, tokenize: false },
    ) as string,
  "paligemma-concat": (_, { turns }) =>
    turns[0]!.parts.map((part) => ("image" in part ? "<image>" : part.text)).join(""),
};

/** Nothing but decoders in float16: stock transformers.js gives them what the other graphs give, and they take float32. */
const CHECKPOINTS = Object.entries(PROMPT_OF).flatMap(([name, promptOf]) =>
  (["fp32", "q4", "fp16"] as const).map((dtype) => [name, dtype, promptOf] as const),
);

describe.each(CHECKPOINTS)("%s in stock transformers.js, in %s", async (name, dtype, promptOf) => {
  const reference = readReference(name);
  const backend = await openCheckpoint(name);
  const { processor, stock } = await openStock(name, {
    decoder_model_merged: dtype,
    // Gemma 3's tower is there in 32 bits alone.
    vision_encoder: name === "paligemma-concat" && dtype === "q4" ? dtype : "fp32",
  });
  afterAll(() => Promise.all([backend.release(), stock.dispose()]));

  /** Prompts as Groundsight lays them out, and their images one behind the other. */
  async function ourInputs(rows: readonly RecordedCase[]): Promise<Inputs> {
    const laidOut = await Promise.all(rows.map((row) => layOutCase(backend, reference, row)));
    const inputs: Inputs = leftPadded(laidOut.map(({ prompt }) => prompt.tokens));
    const images = await Promise.all(
      laidOut.flatMap(({ images }) => images).map((image) => image.process()),
    );
    if (images.length === 0) return inputs;
    const values = images.flatMap(({ pixels }) => [...pixels.data]);
    const dims = [images.length, ...images[0]!.pixels.dims.slice(1)];
    inputs.pixel_values = new Tensor("float32", Float32Array.from(values), dims);
    return inputs;
  }

  test.each(Object.entries(reference.cases))(
    "gives the same tokens to our inputs: %s",
    async (_, made) => {
      const answers = await stockAnswers(stock, await ourInputs([made]), made.greedy.length);
      expect(answers).toEqual([made.greedy]);
    },
  );

  test("known bugs of its batches, of which PaliGemma's answers show none", async () => {
    const { rows, greedy } = reference.batch;
    const inputs = await ourInputs(rows.map((row) => reference.cases[row]!));
    if (name.endsWith("-gqa")) return expectStockBatch(stock, inputs, reference.batch, true);
    const { decoder_model_merged: decoder } = (stock as unknown as { sessions: Sessions }).sessions;
    const run = decoder.run.bind(decoder);
    const padding: number[] = [];
    decoder.run = (feeds) => {
      padding.push([...feeds.attention_mask.data].filter((one) => Number(one) === 0).length);
      return run(feeds);
    };
    expect(await stockAnswers(stock, inputs, greedy[0]!.length)).toEqual(greedy);
    // Known bug: from the second token on padding counts as tokens, which these answers do not show.
    expect(padding.slice(0, 3)).toEqual([expect.any(Number), 0, 0]);
    expect(padding[0]).toBeGreaterThan(0);
  });

  test.each(["one image", "two images"])(
    "its own processor makes the prompt of PyTorch, and known bug: other pixels (%s)",
    async (key) => {
      const made = reference.cases[key]!;
      const shown = made.turns.flatMap(({ parts }) =>
        parts.flatMap((part): RawImage[] =>
          "image" in part ? [rawImage(reference.images[part.image]!)] : [],
        ),
      );
      const prompt = promptOf(processor, made);
      const own = (await (name === "paligemma-concat"
        ? processor(shown, prompt)
        : processor(prompt, shown))) as Inputs;
      expect([...(own.input_ids!.data as BigInt64Array)].map(Number)).toEqual(made.tokens);
      const ours = (await ourInputs([made])).pixel_values!;
      expect(own.pixel_values!.dims).toEqual(ours.dims);
      // It shrinks without averaging.
      const [theirs, expected] = [own.pixel_values!.data, ours.data] as Float32Array[];
      expect(largestDifference(theirs!, expected!)).toBeGreaterThan(0.1);
    },
  );
});
