import { cp, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Answer,
  apc,
  type GenerateRequest,
  InvalidArgumentError,
  load,
  type Model,
  ModelLoadError,
  vcd,
} from "../../src/index.js";
import { CHECKPOINTS } from "../global-setup.js";
import { copyOf } from "./doctor/damage.js";

const image = {
  data: Uint8Array.from({ length: 40 * 30 * 3 }, (_, i) => (i * 37) % 251),
  width: 40,
  height: 30,
  channels: 3,
} as const;
const other = { ...image, data: image.data.map((value) => 255 - value) };
const ids = ({ tokens }: Answer) => tokens.map(({ id }) => id);

const REQUESTS: readonly GenerateRequest[] = [
  { image, prompt: "Is there a dog in the image?", maxTokens: 12 },
  { image, prompt: "What is this?", maxTokens: 20, method: vcd({ alpha: 1.5, noiseStep: 900 }) },
  {
    image: other,
    prompt: "Describe what you see on the left of it, please.",
    maxTokens: 9,
    method: apc(),
    temperature: 1,
  },
  { prompt: "Hello", maxTokens: 15 },
  { image: other, prompt: "What is this?", maxTokens: 6, method: vcd() },
];

describe.each(["concat", "group-query"])("a checkpoint with %s attention", (attention) => {
  let model: Model;
  let plain: Model;

  beforeAll(async () => {
    model = await load(CHECKPOINTS + attention, { threads: 1 });
    plain = await load(CHECKPOINTS + attention, { threads: 1, cache: "whole" });
  });
  afterAll(async () => {
    await model.dispose();
    await plain.dispose();
  });

  test("loads, with its decoder patched to return new rows", () => {
    expect(model.info).toMatchObject({
      family: "llava",
      dtype: "fp32",
      layers: 2,
      hiddenSize: 96,
      cache: "delta",
    });
    expect(plain.info.cache).toBe("whole");
  });

  test("gives a batch of unequal prompts the tokens that each gets alone, on either cache path", async () => {
    const alone: Answer[] = [];
    for (const request of REQUESTS) alone.push(await model.generate(request));
    expect((await model.generateBatch(REQUESTS)).map(ids)).toEqual(alone.map(ids));
    expect((await plain.generateBatch(REQUESTS)).map(ids)).toEqual(alone.map(ids));
    expect(new Set(alone.map((answer) => ids(answer).join())).size).toBe(REQUESTS.length);
  });

  test("gives the same tokens whether image and prefix come from the caches or not", async () => {
    const fresh = await load(CHECKPOINTS + attention, {
      threads: 1,
      visionCacheMiB: 0,
      prefixCacheMiB: 0,
    });
    for (const request of REQUESTS) {
      expect(ids(await fresh.generate(request))).toEqual(ids(await model.generate(request)));
    }
    await fresh.dispose();
  });

  test("answers past the first growth of the cache as the unpatched decoder does", async () => {
    const long = { image, prompt: "Tell a long story.", maxTokens: 150, temperature: 1, seed: 2 };
    expect(ids(await model.generate(long))).toEqual(ids(await plain.generate(long)));
  });
});

describe("a broken checkpoint", () => {
  const broken = async (damage: (path: string) => Promise<void>) => {
    const folder = await copyOf();
    await damage(folder);
    return load(folder, { threads: 1 });
  };

  test.each([
    "config.json",
    "tokenizer.json",
    "preprocessor_config.json",
    "onnx/vision_encoder.onnx",
  ])("without %s is refused by the file's name", async (file) => {
    const loading = broken((path) => rm(join(path, file)));
    await expect(loading).rejects.toThrow(ModelLoadError);
    await expect(loading).rejects.toThrow(file.split("/").at(-1)!);
  });

  test.each(["config.json", "tokenizer.json"])(
    "with half of %s is refused by the file's name",
    async (file) => {
      const loading = broken((path) => truncate(join(path, file), 20));
      await expect(loading).rejects.toThrow(ModelLoadError);
      await expect(loading).rejects.toThrow(`${file} is not valid JSON`);
    },
  );

  test.each(["embed_tokens", "vision_encoder", "decoder_model_merged"])(
    "with a truncated %s is refused by the file's name",
    async (name) => {
      const loading = broken((path) => truncate(join(path, "onnx", `${name}.onnx`), 2000));
      await expect(loading).rejects.toThrow(ModelLoadError);
      await expect(loading).rejects.toThrow(`${name}.onnx`);
    },
  );

  test("with a wrong field names file and field", async () => {
    const loading = broken(async (path) => {
      const file = join(path, "config.json");
      const config = JSON.parse(await readFile(file, "utf8"));
      config.text_config.vocab_size = "many";
      await writeFile(file, JSON.stringify(config));
    });
    await expect(loading).rejects.toThrow(/config\.json: text_config\.vocab_size/);
  });

  const onnx = (path: string, name: string) => join(path, "onnx", `${name}.onnx`);
  test.each([
    ["embed_tokens", "vision_encoder", "expected input_ids among them"],
    ["decoder_model_merged", "embed_tokens", "decoder_model_merged.onnx"],
  ])("whose %s is another graph is refused by the file's name", async (name, other, message) => {
    const loading = broken((path) => cp(onnx(path, other), onnx(path, name)));
    await expect(loading).rejects.toThrow(ModelLoadError);
    await expect(loading).rejects.toThrow(`${name}.onnx`);
    await expect(loading).rejects.toThrow(message);
  });

  type Json = Record<string, Record<string, unknown>>;
  const change = async (path: string, file: string, changed: (content: Json) => void) => {
    const content = JSON.parse(await readFile(join(path, file), "utf8"));
    changed(content);
    await writeFile(join(path, file), JSON.stringify(content));
  };

  test.each([-1, 2 ** 40])("whose image token is %d is refused by it", async (id) => {
    const loading = broken((path) =>
      change(path, "config.json", (config) => {
        delete config.image_token_id;
        Object.assign(config, { image_token_index: id });
      }),
    );
    await expect(loading).rejects.toThrow(ModelLoadError);
    await expect(loading).rejects.toThrow(/config\.json: (image_token_index|the image token)/);
  });

  test("whose tokenizer makes no ids of a text is refused, not run on what is no number", async () => {
    const asking = broken((path) =>
      change(path, "tokenizer.json", ({ model }) => {
        const words = Object.keys(model!.vocab as object);
        model!.vocab = Object.fromEntries(words.map((word) => [word, -1]));
      }),
    ).then((model) => model.generate({ prompt: "Hello", maxTokens: 1 }));
    await expect(asking).rejects.toThrow(ModelLoadError);
    await expect(asking).rejects.toThrow("tokenizer.json: the tokenizer makes no token ids");
  });

  test("of an unknown family names those that are known", async () => {
    const loading = broken((path) =>
      writeFile(join(path, "config.json"), '{"model_type": "bert", "text_config": {}}'),
    );
    await expect(loading).rejects.toThrow("received model_type 'bert'; supported are llava");
  });

  test("in a precision that is not there names those that are", async () => {
    await expect(load(`${CHECKPOINTS}concat`, { dtype: "q4" })).rejects.toThrow(
      "complete there: dtype fp32",
    );
  });

  test.each([
    ["no-such-model", {}, ModelLoadError, "received 'no-such-model'"],
    ["pocket", { dtyp: "q8" }, InvalidArgumentError, "did you mean dtype?"],
    ["pocket", { dtype: "fp64" }, InvalidArgumentError, "dtype: received 'fp64'"],
  ])("%s with %j is refused", async (name, options, type, message) => {
    const loading = load(name, options as object);
    await expect(loading).rejects.toThrow(type);
    await expect(loading).rejects.toThrow(message);
  });

  test("offline, a hub model that is not in the cache is refused", async () => {
    const empty = await mkdtemp(join(tmpdir(), "groundsight-"));
    const loading = load("owner/name", { offline: true, cacheDir: join(empty, "none") });
    await expect(loading).rejects.toThrow(ModelLoadError);
    await expect(loading).rejects.toThrow("offline mode forbids fetching");
    await rm(empty, { recursive: true });
  });
});
