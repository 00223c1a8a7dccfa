import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import {
  AutoModelForImageTextToText,
  AutoProcessor,
  env,
  type PreTrainedModel,
  type Processor,
  RawImage,
  type Tensor,
} from "@huggingface/transformers";
import { steer, withMethod } from "groundsight/transformers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { load, type Model, type SteeringDirections, vcd, vti } from "../../src/index.js";
import { SeededRandom } from "../../src/math/seeded-random.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const IMAGE = `${root}pocket/bench/dev/images/dev_000008.png`;
const QUESTION = "Describe the image.";

let stock: PreTrainedModel;
let processor: Processor;
let ours: Model;
let directions: SteeringDirections;
beforeAll(async () => {
  env.allowRemoteModels = false;
  env.localModelPath = `${root}pocket/`;
  processor = await AutoProcessor.from_pretrained("llava");
  stock = await AutoModelForImageTextToText.from_pretrained("llava", {
    dtype: "fp32",
    device: "cpu",
  });
  ours = await load("pocket");
  const probe = await ours.probe();
  const vision = await probe.visionStates(await probe.pixels(IMAGE));
  const random = new SeededRandom(5);
  const drawn = (layers: number, positions: number, width: number) => ({
    layers,
    positions,
    width,
    data: Float32Array.from({ length: layers * positions * width }, () => random.gaussian()),
  });
  directions = {
    modelHash: await ours.hash(),
    image: drawn(vision.layers - 1, vision.positions, vision.width),
    text: drawn(ours.info.layers, 1, ours.info.hiddenSize),
  } as SteeringDirections;
});
afterAll(async () => {
  await stock.dispose();
  await ours.dispose();
});

const graph = async (name: string) => ({
  graph: new Uint8Array(await readFile(`${root}pocket/llava/onnx/${name}.onnx`)),
});

async function stockTokens(method?: ReturnType<typeof vcd>): Promise<number[]> {
  const picture = (await RawImage.read(IMAGE)).rgb();
  const content = [{ type: "image" }, { type: "text", text: QUESTION }];
  const prompt = processor.apply_chat_template([{ role: "user", content }], {
    add_generation_prompt: true,
  }) as string;
  const inputs = { ...(await processor(picture, prompt)), max_new_tokens: 24 } as Record<
    string,
    unknown
  >;
  const options =
    method === undefined
      ? inputs
      : await withMethod(stock, inputs, {
          method,
          images: [picture],
          prompt: QUESTION,
        });
  const output = (await stock.generate(options)) as Tensor;
  const length = output.dims[1]!;
  const start = (inputs.input_ids as Tensor).dims[1]!;
  return [...(output.data as BigInt64Array)].slice(start, length).map(Number);
}

async function ourTokens(strengths: { image: number; text: number }, method = undefined as never) {
  const { tokens } = await ours.generate({
    image: IMAGE,
    prompt: QUESTION,
    maxTokens: 24,
    method: vti({ directions, ...strengths, method }),
  });
  return tokens.map(({ id }) => id);
}

test("a steered stock model says what ours says under vti, and is itself again when restored", async () => {
  const before = await stockTokens();
  for (const strengths of [
    { image: 0, text: 12 },
    { image: 12, text: 0 },
    { image: 8, text: -12 },
  ]) {
    const steered = await steer(stock, directions, {
      decoder: await graph("decoder_model_merged"),
      vision: await graph("vision_encoder"),
      ...strengths,
    });
    const own = await ourTokens(strengths);
    expect((await stockTokens()).slice(0, own.length)).toEqual(own);
    expect(own).not.toEqual(before.slice(0, own.length));
    await steered.restore();
  }
  expect(await stockTokens()).toEqual(before);
});

test("goes with a method", async () => {
  const strengths = { image: 2, text: 2 };
  const steered = await steer(stock, directions, {
    decoder: await graph("decoder_model_merged"),
    vision: await graph("vision_encoder"),
    ...strengths,
  });
  try {
    const own = await ourTokens(strengths, vcd() as never);
    expect((await stockTokens(vcd())).slice(0, own.length)).toEqual(own);
  } finally {
    await steered.restore();
  }
});

test("refuses by name what it cannot do", async () => {
  const decoder = await graph("decoder_model_merged");
  await expect(steer(stock, directions, {})).rejects.toThrow(/nothing to do; give decoder/);
  await expect(steer(stock, directions, { text: 1 })).rejects.toThrow(
    /strength 1 of text without its graph/,
  );
  await expect(steer({} as never, directions, { decoder })).rejects.toThrow(/without sessions/);
  await expect(
    steer(
      stock,
      {
        ...directions,
        text: {
          ...directions.text!,
          layers: 1,
          data: directions.text!.data.slice(0, directions.text!.width),
        },
      },
      { decoder },
    ),
  ).rejects.toThrow(/text directions: received 1 layers/);
  await expect(
    steer(stock, directions, { decoder: { graph: Uint8Array.of(1, 2, 3) } }),
  ).rejects.toThrow();
  // Where one half fails the other is not steered either.
  const sessions = () => (stock as unknown as { sessions: { vision_encoder: object } }).sessions;
  const before = sessions().vision_encoder;
  const vision = await graph("vision_encoder");
  await expect(steer(stock, directions, { vision, text: 1 })).rejects.toThrow(/without its graph/);
  expect(sessions().vision_encoder === before).toBe(true);
});
