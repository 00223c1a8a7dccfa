import { type PreTrainedModel, type Processor, Tensor } from "@huggingface/transformers";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { OnnxBackend } from "../../src/backends/onnx/backend.js";
import {
  CHECKPOINTS,
  largestDifference,
  layOutCase,
  openCheckpoint,
  type RecordedCase,
  readReference,
} from "../checkpoints.js";
import { openStock, rawImage, stockAnswers } from "../stock-batches.js";

const NAME = "gemma4-concat";
const reference = readReference(NAME);
const cases = Object.entries(reference.cases);
const { image_token_id: imageToken, text_config: text } = await config();

type Inputs = Record<string, Tensor>;

async function config(): Promise<{
  image_token_id: number;
  text_config: { pad_token_id: number };
}> {
  const { readFile } = await import("node:fs/promises");
  return JSON.parse(await readFile(`${CHECKPOINTS}${NAME}/config.json`, "utf8"));
}

/** Prompts as a batch padded on the left, and their images one behind the other, as Groundsight makes them. */
async function ourInputs(backend: OnnxBackend, rows: readonly RecordedCase[]): Promise<Inputs> {
  const laidOut = await Promise.all(rows.map((row) => layOutCase(backend, reference, row)));
  const width = Math.max(...rows.map(({ tokens }) => tokens.length));
  const padded = (of: (tokens: readonly number[]) => number[], padding: number) => {
    const all = rows.flatMap(({ tokens }) => [
      ...Array.from({ length: width - tokens.length }, () => padding),
      ...of(tokens),
    ]);
    return new Tensor("int64", BigInt64Array.from(all, BigInt), [rows.length, width]);
  };
  const inputs: Inputs = {
    input_ids: padded((tokens) => [...tokens], text.pad_token_id),
    attention_mask: padded((tokens) => tokens.map(() => 1), 0),
  };
  const images = await Promise.all(
    laidOut.flatMap(({ images }) => images).map((one) => one.process()),
  );
  if (images.length === 0) return inputs;
  const patches = images.map(({ toInput, pixels }) => toInput!(pixels));
  const places = images.map(({ inputs }) => inputs.pixel_position_ids!);
  const [, ...sizes] = patches[0]!.dims;
  inputs.pixel_values = new Tensor(
    "float32",
    Float32Array.from(patches.flatMap(({ data }) => [...data])),
    [images.length, ...sizes],
  );
  inputs.image_position_ids = new Tensor(
    "int64",
    BigInt64Array.from(places.flatMap(({ data }) => [...(data as BigInt64Array)])),
    [images.length, ...places[0]!.dims.slice(1)],
  );
  return inputs;
}

/** What a stock model answers to each case alone, and to the batch. */
async function answersOf(
  model: PreTrainedModel,
  backend: OnnxBackend,
): Promise<{ readonly alone: Record<string, number[]>; readonly batch: number[][] }> {
  const alone: Record<string, number[]> = {};
  for (const [key, made] of cases) {
    const inputs = await ourInputs(backend, [made]);
    [alone[key] = []] = await stockAnswers(model, inputs, made.greedy.length);
  }
  const { rows, greedy } = reference.batch;
  const together = await ourInputs(
    backend,
    rows.map((row) => reference.cases[row]!),
  );
  return { alone, batch: await stockAnswers(model, together, greedy[0]!.length) };
}

const EXPECTED = {
  alone: Object.fromEntries(cases.map(([key, { greedy }]) => [key, greedy])),
  batch: reference.batch.greedy,
};

describe("Gemma 4 in stock transformers.js", async () => {
  const backend = await openCheckpoint(NAME);
  let model: PreTrainedModel;
  let processor: Processor;
  beforeAll(async () => {
    ({ processor, stock: model } = await openStock(NAME));
  });
  afterAll(() => Promise.all([backend.release(), model.dispose()]));

  test.each(["fp32", "q4", "fp16"] as const)(
    "gives the same tokens to our inputs, also to a batch of unequal lengths: decoder in %s",
    async (dtype) => {
      const { stock } = await openStock(NAME, { decoder_model_merged: dtype });
      try {
        expect(await answersOf(stock, backend)).toEqual(EXPECTED);
      } finally {
        await stock.dispose();
      }
    },
  );

  test("known bug: embeddings in float16 it gives a decoder that takes float32", async () => {
    const { stock } = await openStock(NAME, "fp16");
    // It prints whatever it gave the graph.
    const printing = vi.spyOn(console, "error").mockImplementation(() => undefined);
    try {
      const inputs = await ourInputs(backend, [reference.cases.none!]);
      await expect(stockAnswers(stock, inputs, 1)).rejects.toThrow(
        "Actual: (tensor(float16)) , expected: (tensor(float))",
      );
    } finally {
      printing.mockRestore();
      await stock.dispose();
    }
  });

  test("known bugs: lines that its template has around images, once more; pixels resized without averaging", async () => {
    const made = reference.cases["one image"]!;
    const messages = [{ role: "user", content: [{ type: "image" }, made.turns[0]!.parts[1]] }];
    const written = messages.map(({ role, content }) => ({
      role,
      content: content.map((part) => ({ type: "text", ...part })),
    }));
    const prompt = processor.apply_chat_template(written as never, {
      add_generation_prompt: true,
      tokenize: false,
    }) as string;
    expect(prompt).toContain("\n\n<|image|>\n\n");
    const image = rawImage(reference.images[0]!);
    const call = processor as unknown as (...given: unknown[]) => Promise<Inputs>;
    const inputs = await call(prompt, [image]);
    const shown = [...(inputs.input_ids!.data as BigInt64Array)].map(Number);
    const lines = backend.encode("\n\n");
    expect(shown.length).toBe(made.tokens.length + 2 * (await lines).length);
    const [begin, end] = [made.tokens.indexOf(imageToken), made.tokens.lastIndexOf(imageToken)];
    const put = await lines;
    expect(shown).toEqual([
      ...made.tokens.slice(0, begin - 1),
      ...put,
      ...made.tokens.slice(begin - 1, end + 2),
      ...put,
      ...made.tokens.slice(end + 2),
    ]);
    const ours = await ourInputs(backend, [made]);
    expect(inputs.image_position_ids!.data).toEqual(ours.image_position_ids!.data);
    const [theirs, own] = [inputs.pixel_values!, ours.pixel_values!];
    expect(theirs.dims).toEqual(own.dims);
    expect(
      largestDifference(theirs.data as Float32Array, own.data as Float32Array),
    ).toBeGreaterThan(2 / 255);
  });

  test("known bug: of image tokens it takes the layers' inputs as the graph has them, Python the padding token's", async () => {
    // The graph that leaves them to whoever feeds it.
    const { stock: unmapped } = await openStock(NAME, "q4");
    try {
      const { alone, batch } = await answersOf(unmapped, backend);
      expect(alone.none).toEqual(EXPECTED.alone.none);
      expect(alone["one image"]).not.toEqual(EXPECTED.alone["one image"]);
      expect(batch).not.toEqual(EXPECTED.batch);
      const { embed_tokens: embed } = (unmapped as unknown as { sessions: Sessions }).sessions;
      const run = embed.run.bind(embed);
      embed.run = ({ input_ids: { data, dims } }) => {
        const ids = data.map((id) => (Number(id) === imageToken ? BigInt(text.pad_token_id) : id));
        return run({ input_ids: new Tensor("int64", ids, [...dims]).ort_tensor as never });
      };
      expect(await answersOf(unmapped, backend)).toEqual(EXPECTED);
    } finally {
      await unmapped.dispose();
    }
  });
});

/** The sessions of a stock model, as far as they are changed here. */
interface Sessions {
  readonly embed_tokens: {
    run(feeds: { input_ids: { data: BigInt64Array; dims: readonly number[] } }): unknown;
  };
}
