import { readFileSync } from "node:fs";
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
import { withMethod } from "groundsight/transformers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  apc,
  averaging,
  described,
  flb,
  icd,
  load,
  type Method,
  type Model,
  mapQuestion,
  regular,
  ritual,
  vcd,
} from "../../src/index.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const image = (name: string) => `${root}pocket/bench/dev/images/${name}.png`;
const QUESTIONS = [
  ["dev_000008", "Describe the image."],
  ["dev_000012", "What is in the image?"],
  ["dev_000020", "Describe the image."],
] as const;

let stock: PreTrainedModel;
let processor: Processor;
let ours: Model;
beforeAll(async () => {
  env.allowRemoteModels = false;
  env.localModelPath = `${root}pocket/`;
  processor = await AutoProcessor.from_pretrained("llava");
  stock = await AutoModelForImageTextToText.from_pretrained("llava", {
    dtype: "fp32",
    device: "cpu",
  });
  ours = await load("pocket");
});
afterAll(async () => {
  await stock.dispose();
  await ours.dispose();
});

async function inputsOf(name: string, question: string) {
  const picture = (await RawImage.read(image(name))).rgb();
  const content = [{ type: "image" }, { type: "text", text: question }];
  const prompt = processor.apply_chat_template([{ role: "user", content }], {
    add_generation_prompt: true,
  }) as string;
  const inputs = (await processor(picture, prompt)) as Record<string, Tensor>;
  return { picture, inputs };
}

async function stockTokens(
  name: string,
  question: string,
  method: Method,
  sampling: object = {},
): Promise<number[]> {
  const { picture, inputs } = await inputsOf(name, question);
  const options = await withMethod(
    stock,
    { ...inputs, max_new_tokens: 24 },
    { method, images: [picture], prompt: question, ...sampling },
  );
  const output = (await stock.generate(options)) as Tensor;
  const [rows = 0, length = 0] = output.dims;
  const all = [...(output.data as BigInt64Array)].map(Number);
  const answers = Array.from({ length: rows }, (_, i) =>
    all.slice(i * length + inputs.input_ids!.dims[1]!, (i + 1) * length),
  );
  for (const answer of answers) expect(answer).toEqual(answers[0]);
  return answers[0]!;
}

async function ourTokens(name: string, question: string, method: Method, sampling: object = {}) {
  const request = { image: image(name), prompt: question, method, maxTokens: 24, ...sampling };
  return (await ours.generate(request)).tokens.map(({ id }) => id);
}

describe.each([
  ["regular", regular()],
  ["apc", apc()],
  ["vcd", vcd({ alpha: 2 })],
  ["vcd, three draws", vcd({ draws: 3 })],
  ["flb", flb()],
] as const)("%s in stock transformers.js", (_, method) => {
  test.each([
    ["greedily", {}],
    ["sampled", { temperature: 1, seed: 3 }],
    ["sampled from the best", { temperature: 0.7, topK: 8, topP: 0.9, seed: 4 }],
  ])("gives the tokens that Model.generate gives, %s", async (__, sampling) => {
    for (const [name, question] of QUESTIONS) {
      const own = await ourTokens(name, question, method, sampling);
      const tokens = await stockTokens(name, question, method, sampling);
      // Ours ends before the end token.
      expect(tokens.slice(0, own.length)).toEqual(own);
    }
  });
});

test("the method changes what is said", async () => {
  const all = await Promise.all(
    QUESTIONS.map(async ([name, question]) => [
      await stockTokens(name, question, vcd({ alpha: 5, noiseStep: 900 })),
      await stockTokens(name, question, regular()),
    ]),
  );
  expect(all.some(([contrasted, plain]) => `${contrasted}` !== `${plain}`)).toBe(true);
});

describe("what would change a method silently is refused by name", () => {
  const plain = { method: vcd(), prompt: "?" };

  test.each([
    [{ do_sample: true }, /do_sample .* give temperature/],
    [{ temperature: 0.5 }, /temperature would act before the method/],
    [{ top_k: 50 }, /top_k .* give topK/],
    [{ top_p: 0.9 }, /top_p .* give topP/],
    [{ repetition_penalty: 1.2 }, /repetition_penalty would change logits/],
    [{ num_beams: 4 }, /num_beams/],
    [{ generation_config: {} }, /generation_config/],
    [{ logits_processor: [] }, /logits_processor .* give method/],
  ])("%j", async (setting, message) => {
    const { picture, inputs } = await inputsOf(...QUESTIONS[0]);
    const asked = withMethod(stock, { ...inputs, ...setting }, { ...plain, images: [picture] });
    await expect(asked).rejects.toThrow(message);
  });

  test("defaults of the checkpoint", async () => {
    const { picture, inputs } = await inputsOf(...QUESTIONS[0]);
    const model = { generation_config: { repetition_penalty: 1.1, top_k: 50 } };
    const options = { ...plain, images: [picture] };
    await expect(withMethod(model, inputs, options)).rejects.toThrow(
      /repetition_penalty of the model's generation_config.json .* give repetition_penalty: null/,
    );
    await expect(
      withMethod(model, { ...inputs, repetition_penalty: null }, options),
    ).resolves.toMatchObject({ do_sample: false });
  });

  test("inputs of several questions, and rows that were not made here", async () => {
    const { picture, inputs } = await inputsOf(...QUESTIONS[0]);
    const doubled = await withMethod(stock, inputs, { ...plain, images: [picture] });
    expect((doubled.input_ids as Tensor).dims[0]).toBe(2);
    const { input_ids } = doubled;
    await expect(withMethod(stock, { input_ids }, { ...plain, images: [picture] })).rejects.toThrow(
      /inputs of 2 questions; expected one/,
    );
    await expect(
      stock.generate({ ...doubled, ...inputs, max_new_tokens: 2 } as never),
    ).rejects.toThrow(/generate runs 1 rows; expected the 2/);
  });

  test("options that were used, which hold the state of their answer", async () => {
    const { picture, inputs } = await inputsOf(...QUESTIONS[0]);
    const given = { ...inputs, max_new_tokens: 2 };
    const once = await withMethod(stock, given, { ...plain, images: [picture] });
    await stock.generate(once as never);
    await expect(stock.generate(once as never)).rejects.toThrow(/used a second time/);
  });

  test.each([
    ["features", averaging({ copies: 2 }), /averaging: it changes image features/],
    ["other pictures", ritual(), /ritual: it changes the picture before it is processed/],
    ["texts of another length", icd(), /icd: its streams have prompts of their own/],
    ["texts beforehand", described(), /described: it generates text beforehand/],
    [
      "prompts of their own",
      {
        name: "other",
        settings: {},
        needs: {},
        start: ({ view }) => ({
          streams: [{ view }, { view: mapQuestion(view, () => [{ type: "text", text: "no" }]) }],
        }),
      } satisfies Method as Method,
      /other: its streams have prompts of their own/,
    ],
  ])("methods with %s", async (_, method, message) => {
    const { picture, inputs } = await inputsOf(...QUESTIONS[0]);
    await expect(
      withMethod(stock, inputs, { method, images: [picture], prompt: "?" }),
    ).rejects.toThrow(message);
  });
});

test("nothing of transformers.js is imported", () => {
  for (const file of ["index", "stock", "with-method", "variant-pixels", "generation-settings"]) {
    const text = readFileSync(`${root}src/transformers/${file}.ts`, "utf8");
    expect(text.replaceAll(/^\/\*\*[\s\S]*?\*\//gm, "")).not.toContain("@huggingface");
  }
});
