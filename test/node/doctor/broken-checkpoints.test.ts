import { cp, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type CheckName, diagnose } from "../../../src/index.js";
import { writeSyntheticCheckpoint } from "../../../src/testing/synthetic/checkpoint.js";
import {
  changeGraph,
  changeJson,
  copyOf,
  moveOut,
  onnx,
  readFile,
  rename,
  renamed,
  rm,
  truncate,
  withNumbers,
  writeFile,
} from "./damage.js";

/** A checkpoint of the same form and other sizes. */
async function otherCheckpoint(sizes: { width?: number; vocabulary?: number }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "groundsight-other-"));
  const shape = { layers: 2, visionLayers: 2, heads: 6, kvHeads: 3, feedForward: 128 };
  await writeSyntheticCheckpoint(folder, { ...shape, width: 96, vocabulary: 300, ...sizes });
  return folder;
}

/** Puts a file of a checkpoint of other sizes in the place of one's own. */
async function exchange(
  folder: string,
  name: string,
  sizes: Parameters<typeof otherCheckpoint>[0],
): Promise<void> {
  const other = await otherCheckpoint(sizes);
  await cp(join(other, name), join(folder, name));
  await rm(other, { recursive: true });
}

const swapped = (name: string): string =>
  /^past_key_values\./.test(name)
    ? name.replace("past_key_values", "present")
    : name.replace(/^present\./, "past_key_values.");

/** How a checkpoint is broken: the damage, the checks that find it, and what they say. */
const BROKEN: readonly [
  what: string,
  damage: (folder: string) => Promise<unknown>,
  found: readonly CheckName[],
  detail: RegExp,
  remedy: RegExp,
][] = [
  [
    "a graph that is cut off",
    (folder) => truncate(onnx(folder, "decoder_model_merged"), 100_000),
    ["decoder_model_merged"],
    /decoder_model_merged\.onnx cannot be read: it ends early: of a part of \d+ bytes \d+ are there \(truncated\)/,
    /fetch the file again/,
  ],
  [
    "a graph without a byte",
    (folder) => truncate(onnx(folder, "vision_encoder"), 0),
    ["vision_encoder"],
    /vision_encoder\.onnx cannot be read: it is empty \(truncated\)/,
    /fetch the file again/,
  ],
  [
    "a graph whose bytes are another format's",
    async (folder) => {
      const path = onnx(folder, "embed_tokens");
      const bytes = await readFile(path);
      await writeFile(path, bytes.fill(0xff, 2, 40));
    },
    ["embed_tokens"],
    /embed_tokens\.onnx cannot be read: .*\(corrupt\)/,
    /fetch the file again/,
  ],
  [
    "a pointer of Git LFS for a graph",
    (folder) =>
      writeFile(
        onnx(folder, "vision_encoder"),
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
      ),
    ["vision_encoder"],
    /pointer of Git LFS/,
    /git lfs pull/,
  ],
  [
    "no file of external weights",
    async (folder) => rm(await moveOut(folder, "decoder_model_merged")),
    ["decoder_model_merged"],
    /decoder_model_merged\.onnx_data is missing, in which decoder_model_merged\.onnx has weights/,
    /fetch decoder_model_merged\.onnx_data too, and keep its name/,
  ],
  [
    "a renamed file of external weights",
    async (folder) => {
      const path = await moveOut(folder, "decoder_model_merged");
      await rename(path, path.replace("onnx_data", "data"));
    },
    ["decoder_model_merged"],
    /onnx_data is missing.*beside the graph lies decoder_model_merged\.data/,
    /keep its name/,
  ],
  [
    "a file of external weights that is too short",
    async (folder) => truncate(await moveOut(folder, "decoder_model_merged"), 50_000),
    ["decoder_model_merged"],
    /onnx_data is too short .* it has 50000 bytes, and the weight [\w.]+ ends at \d+/,
    /fetch the file again/,
  ],
  [
    "a graph that is missing",
    (folder) => rm(onnx(folder, "vision_encoder")),
    ["vision_encoder"],
    /vision_encoder\.onnx is missing \(dtype fp32\)/,
    /fetch the file, or choose a precision that is complete/,
  ],
  [
    "graphs beside config.json",
    async (folder) => {
      await cp(join(folder, "onnx"), folder, { recursive: true });
      await rm(join(folder, "onnx"), { recursive: true });
    },
    ["embed_tokens", "vision_encoder", "decoder_model_merged"],
    /embed_tokens\.onnx is missing \(dtype fp32\); config\.json has graphs beside it \(decoder_model_merged\.onnx, embed_tokens\.onnx, vision_encoder\.onnx\), where transformers\.js has them in the folder onnx/,
    /^make the folder .*onnx and move the graphs there/,
  ],
  [
    "a graph of another name",
    (folder) => rename(onnx(folder, "decoder_model_merged"), onnx(folder, "decoder_model_merge")),
    ["decoder_model_merged"],
    /decoder_model_merged\.onnx is missing .*decoder_model_merge\.onnx lies there/,
    /if decoder_model_merge\.onnx is this graph, give it the name that is expected/,
  ],
  [
    "embeddings of another width than the decoder's",
    (folder) => exchange(folder, "onnx/embed_tokens.onnx", { width: 192 }),
    ["interfaces"],
    /width of a token's row differs: embed_tokens\.onnx gives rows of 192, .*decoder_model_merged\.onnx takes rows of 96, config\.json tells hidden_size 96/,
    /one repository/,
  ],
  [
    "vision features of another width",
    (folder) => exchange(folder, "onnx/vision_encoder.onnx", { width: 192 }),
    ["interfaces"],
    /vision_encoder\.onnx gives features of 192/,
    /one repository/,
  ],
  [
    "another graph under a graph's name",
    (folder) => cp(onnx(folder, "embed_tokens"), onnx(folder, "vision_encoder")),
    ["interfaces"],
    /vision_encoder\.onnx has no input pixel_values; its inputs are input_ids/,
    /another graph under this name/,
  ],
  [
    "a tokenizer of a larger vocabulary",
    (folder) =>
      changeJson(folder, "tokenizer.json", ({ model }) => {
        for (let id = 260; id < 500; id++) model.vocab[`word${id}`] = id;
      }),
    ["tokenizer"],
    /tokenizer has 500 tokens, the model knows 300: it is of another vocabulary/,
    /tokenizer\.json and tokenizer_config\.json/,
  ],
  [
    "a tokenizer of a smaller vocabulary",
    (folder) =>
      changeJson(folder, "tokenizer.json", ({ model }) => {
        for (const [token, id] of Object.entries(model.vocab)) {
          if (Number(id) > 150) delete model.vocab[token];
        }
      }),
    ["tokenizer"],
    /tokenizer has only 151 of the 300 tokens that the model knows/,
    /tokenizer\.json and tokenizer_config\.json/,
  ],
  [
    "a config.json without a field",
    (folder) =>
      changeJson(folder, "config.json", (config) => {
        delete config.text_config.max_position_embeddings;
      }),
    ["family"],
    /config\.json: text_config\.max_position_embeddings/,
    /compare config\.json/,
  ],
  [
    "a config.json of a family that is not known",
    (folder) =>
      changeJson(folder, "config.json", (config) => {
        config.model_type = "florence2";
      }),
    ["config"],
    /model_type 'florence2'/,
    /docs\/models\.md/,
  ],
  [
    "an ordinary token for the image's",
    (folder) =>
      changeJson(folder, "config.json", (config) => {
        config.image_token_index = 40;
      }),
    ["family"],
    /image token is '.', an ordinary token; the tokenizer has <image>/,
    /correct image_token_id or image_token_index/,
  ],
  [
    "another control token for the image's",
    (folder) =>
      changeJson(folder, "config.json", (config) => {
        config.image_token_index = 0;
      }),
    ["prompt"],
    /put 0 image tokens into a prompt with 1 image/,
    /config\.json \(the image token\)/,
  ],
  [
    "no chat template",
    (folder) =>
      changeJson(folder, "tokenizer_config.json", (config) => {
        delete config.chat_template;
      }),
    ["chat-template"],
    /has no chat template/,
    /fetch chat_template\.jinja/,
  ],
  [
    "past and present swapped by name",
    (folder) => changeGraph(folder, "decoder_model_merged", (model) => renamed(model, swapped)),
    ["interfaces", "opens"],
    /names of past and present are swapped/,
    /export the checkpoint again/,
  ],
  [
    "the presents of key and value swapped",
    (folder) =>
      changeGraph(folder, "decoder_model_merged", (model) =>
        renamed(model, (name) =>
          name === "present.0.key"
            ? "present.0.value"
            : name === "present.0.value"
              ? "present.0.key"
              : name,
        ),
      ),
    ["cache", "stock-tokens"],
    /the cache is not what the decoder goes on from/,
    /swapped/,
  ],
  [
    "a weight that is no number",
    (folder) =>
      changeGraph(folder, "decoder_model_merged", (model) =>
        withNumbers(
          model,
          ({ name }) => name.includes("layers.1") && name.includes("down_proj"),
          (numbers) => {
            numbers[7] = Number.NaN;
          },
        ),
      ),
    ["weights", "numbers"],
    /decoder_model_merged: 1 of 12288 numbers of \S*layers\.1\S*down_proj\S* are NaN or infinite/,
    /fetch the file again/,
  ],
  [
    "weights that are all zero",
    (folder) =>
      changeGraph(folder, "decoder_model_merged", (model) =>
        withNumbers(
          model,
          ({ name }) => name.includes("lm_head"),
          (numbers) => numbers.fill(0),
        ),
      ),
    ["numbers"],
    /all logits of token 0 are 0/,
    /fetch decoder_model_merged again/,
  ],
  [
    "a setting that its graph does not follow",
    (folder) =>
      changeJson(folder, "config.json", (config) => {
        config.text_config.final_logit_softcapping = 30;
      }),
    ["settings"],
    /decoder shows no sign of text_config\.final_logit_softcapping = 30/,
    /export the checkpoint again, by an exporter that knows this setting/,
  ],
  [
    "a setting that nobody knows",
    (folder) =>
      changeJson(folder, "config.json", (config) => {
        config.text_config.hidden_multiplier = 2;
      }),
    ["settings"],
    /not known here: text_config\.hidden_multiplier = 2/,
    /please report the setting/,
  ],
  [
    "a preprocessor of another size",
    (folder) =>
      changeJson(folder, "preprocessor_config.json", (config) => {
        config.size = { shortest_edge: 24 };
        config.crop_size = { height: 24, width: 24 };
      }),
    ["image"],
    /makes images of 24 x 24 pixels; vision_config\.image_size in config\.json is 16/,
    /size and crop_size are to be 16/,
  ],
  [
    "a preprocessor of another mean and deviation",
    (folder) =>
      changeJson(folder, "preprocessor_config.json", (config) => {
        config.image_mean = [0.485, 0.456, 0.406];
        config.image_std = [0.229, 0.224, 0.225];
      }),
    ["image"],
    /image_mean \[0\.485,0\.456,0\.406\].*checkpoints with a tower of type clip_vision_model have/,
    /preprocessor_config\.json/,
  ],
  [
    "a preprocessor without rescaling",
    (folder) =>
      changeJson(folder, "preprocessor_config.json", (config) => {
        config.do_rescale = false;
      }),
    ["image"],
    /makes values from [-\d.]+ to \d+(\.\d+)?; expected some within -5 and 5/,
    /preprocessor_config\.json/,
  ],
];

describe("a checkpoint with", () => {
  test.each(BROKEN)("%s", async (_, damage, names, detail, remedy) => {
    const folder = await copyOf();
    await damage(folder);
    const { healthy, checks } = await diagnose(folder, { threads: 1 });
    const faults = checks.filter(({ status }) => status === "fault");
    expect(faults.map(({ name }) => name)).toEqual(names);
    expect(faults[0]!.detail).toMatch(detail);
    expect(faults[0]!.remedy).toMatch(remedy);
    expect(healthy).toBe(false);
  });
});
