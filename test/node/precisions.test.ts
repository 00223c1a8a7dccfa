import { copyFile, mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { InvalidArgumentError, ModelLoadError } from "../../src/errors.js";
import { type LoadOptions, load } from "../../src/index.js";
import { dtypeText, graphDtypes } from "../../src/node/dtype-choice.js";
import { promisedWeights } from "../../src/node/external-data.js";
import { writeSyntheticCheckpoint } from "../../src/testing/synthetic/checkpoint.js";
import { ids, image } from "../engine/asked.js";
import { moveOut } from "./doctor/damage.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "groundsight-"));
  const shape = { layers: 1, width: 32, heads: 2, kvHeads: 1, feedForward: 48, vocabulary: 300 };
  await writeSyntheticCheckpoint(folder, { ...shape, endTokens: [] });
});
afterEach(() => rm(folder, { recursive: true }));

const graph = (name: string) => join(folder, "onnx", `${name}.onnx`);
const question = { prompt: "Is there a dog?", image, maxTokens: 4 };

async function answer(options: LoadOptions = {}): Promise<number[]> {
  await using model = await load(folder, { threads: 1, ...options });
  return ids(await model.generate(question));
}

describe("a precision for each graph", () => {
  test("opens that file of each; those not named are in fp32", async () => {
    const expected = await answer();
    await rename(graph("embed_tokens"), graph("embed_tokens_fp16"));
    await rename(graph("decoder_model_merged"), graph("decoder_model_merged_q4f16"));
    const dtype = { embed_tokens: "fp16", decoder_model_merged: "q4f16" } as const;
    await using model = await load(folder, { dtype, threads: 1 });
    expect(ids(await model.generate(question))).toEqual(expected);
    expect(model.info.dtype).toBe(
      "embed_tokens=fp16,vision_encoder=fp32,decoder_model_merged=q4f16",
    );
  });

  test("a file that is missing is named with what there is of that graph", async () => {
    await copyFile(graph("decoder_model_merged"), graph("decoder_model_merged_q8"));
    await rename(graph("decoder_model_merged"), graph("decoder_model_merged_quantized"));
    await expect(load(folder)).rejects.toThrow(
      /decoder_model_merged\.onnx is missing \(dtype fp32\); this graph is there in q8: a precision can be given for each graph \(--dtype decoder_model_merged=q8\)/,
    );
  });

  test("is one word where all are the same, and is told by graph else", () => {
    expect(dtypeText(graphDtypes("q2f16"))).toBe("q2f16");
    expect(dtypeText(graphDtypes({}))).toBe("fp32");
    expect(dtypeText(graphDtypes({ vision_encoder: "q4" }))).toBe(
      "embed_tokens=fp32,vision_encoder=q4,decoder_model_merged=fp32",
    );
  });

  test("graphs and precisions that do not exist are refused by name", async () => {
    const loading = (dtype: unknown) => load(folder, { dtype } as LoadOptions);
    await expect(loading({ decoder: "q4" })).rejects.toThrow(InvalidArgumentError);
    await expect(loading({ decoder_model: "q4" })).rejects.toThrow(
      "dtype: there is no graph 'decoder_model'; ",
    );
    await expect(loading({ vision_encoder: "q3" })).rejects.toThrow(
      "dtype of vision_encoder: received 'q3'; expected one of fp32, fp16,",
    );
    await expect(loading(["q4"])).rejects.toThrow(`dtype: received ["q4"]; expected one of fp32`);
  });
});

describe("weights in several files", () => {
  const chunks = (name: string, count: number) =>
    promisedWeights(format(count), name, `${name}.onnx`);
  const format = (value: unknown) => ({
    "transformers.js_config": { use_external_data_format: value },
  });

  test.each(["whole", "delta"] as const)("give the same tokens, cache %s", async (cache) => {
    const expected = await answer({ cache });
    await using before = await load(folder, { cache });
    const hash = await before.hash();
    await moveOut(folder, "decoder_model_merged", 3);
    await moveOut(folder, "vision_encoder");
    expect(await answer({ cache })).toEqual(expected);
    await using after = await load(folder, { cache });
    expect(await after.hash()).not.toBe(hash);
  });

  test("one of them that is missing is named", async () => {
    for (const [name, count] of [
      ["decoder_model_merged", 2],
      ["embed_tokens", 1],
    ] as const) {
      const files = chunks(name, count);
      await moveOut(folder, name, count);
      await rm(join(folder, "onnx", files.at(-1)!));
      await expect(load(folder)).rejects.toThrow(ModelLoadError);
      await expect(load(folder)).rejects.toThrow(
        `${name}.onnx: its weights lie in ${files.at(-1)}, which is not beside it`,
      );
    }
  });

  test("are promised by config.json for all graphs, or by file or graph", () => {
    const promised = (value: unknown) =>
      promisedWeights(format(value), "vision_encoder", "vision_encoder_q4.onnx");
    expect(promised(undefined)).toEqual([]);
    expect(promised(false)).toEqual([]);
    expect(promised(true)).toEqual(["vision_encoder_q4.onnx_data"]);
    expect(promised(3)).toEqual(["", "_1", "_2"].map((end) => `vision_encoder_q4.onnx_data${end}`));
    expect(promised({ "vision_encoder_q4.onnx": 2, vision_encoder: false })).toHaveLength(2);
    expect(promised({ vision_encoder: true })).toHaveLength(1);
    expect(promised({ "vision_encoder.onnx": true })).toEqual([]);
    expect(promisedWeights({ "transformers.js_config": null }, "a", "a.onnx")).toEqual([]);
    expect(() => promised("yes")).toThrow(ModelLoadError);
    expect(() => promised({ vision_encoder: -1 })).toThrow("use_external_data_format");
  });
});
