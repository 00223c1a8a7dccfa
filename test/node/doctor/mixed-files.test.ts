import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type CheckName, diagnose } from "../../../src/index.js";
import { CHECKPOINTS } from "../../checkpoints.js";
import { changeJson, copyOf } from "./damage.js";

let folder = "";

/** Puts a file of one tiny checkpoint into another's folder. */
const take = (file: string, from: string, as = file) =>
  cp(join(CHECKPOINTS, from, file), join(folder, as));
const takePreprocessor = (from: string) => () => take("preprocessor_config.json", from);
const writeTemplate = (text: string) => () => writeFile(join(folder, "chat_template.jinja"), text);

const MIXED: readonly [
  what: string,
  checkpoint: string,
  damage: () => Promise<unknown>,
  checks: readonly CheckName[],
  detail: RegExp,
][] = [
  [
    "LLaVA's preprocessor for Qwen2-VL",
    "qwen2-vl-concat",
    takePreprocessor("llava-concat"),
    ["image"],
    /^the image processor makes pixel_values of shape \(.*\); expected 2 dimensions; preprocessor_config\.json is another family's$/,
  ],
  [
    "Qwen2-VL's preprocessor for LLaVA",
    "llava-concat",
    takePreprocessor("qwen2-vl-concat"),
    ["image"],
    /^the image processor makes pixel_values of shape \(.*\); expected 4 dimensions/,
  ],
  [
    "SmolVLM's preprocessor for LFM2-VL",
    "lfm2-vl-gqa",
    takePreprocessor("smolvlm-gqa"),
    ["image"],
    /^the image processor makes pixel_values of shape \(.*\); expected 3 dimensions/,
  ],
  [
    "SmolVLM's preprocessor for Gemma 4",
    "gemma4-concat",
    takePreprocessor("smolvlm-gqa"),
    ["image"],
    /^the image processor makes no max_patches; it makes pixel_values, rows, columns/,
  ],
  [
    "PaliGemma's preprocessor for SmolVLM",
    "smolvlm-gqa",
    takePreprocessor("paligemma-concat"),
    ["image"],
    /^the image processor makes no rows; it makes pixel_values; preprocessor_config\.json/,
  ],
  [
    "embeddings and tower under each other's names",
    "llava-concat",
    () =>
      Promise.all([
        take("onnx/embed_tokens.onnx", "llava-concat", "onnx/vision_encoder.onnx"),
        take("onnx/vision_encoder.onnx", "llava-concat", "onnx/embed_tokens.onnx"),
      ]),
    ["interfaces", "opens"],
    /^embed_tokens\.onnx has no input input_ids; its inputs are pixel_values$/,
  ],
  [
    "embeddings of a larger vocabulary",
    "qwen3-vl-gqa",
    () => take("onnx/embed_tokens.onnx", "lfm2-vl-gqa"),
    ["interfaces"],
    /^embed_tokens\.onnx knows 320 tokens, decoder_model_merged\.onnx gives logits of 288$/,
  ],
  [
    "a decoder of fewer layers than config.json tells",
    "qwen3.5-gqa",
    () => take("onnx/decoder_model_merged.onnx", "qwen3-vl-gqa"),
    ["interfaces"],
    /^the last layer with a cache in decoder_model_merged\.onnx is 1, counted from 0; config\.json tells 3 layers$/,
  ],
  [
    "other layers that share a cache",
    "gemma4-concat",
    () =>
      changeJson(folder, "config.json", (config) => {
        config.text_config.num_kv_shared_layers = 2;
      }),
    ["interfaces"],
    /is 1, counted from 0; config\.json tells 3 layers, 1 of them with a cache$/,
  ],
  [
    "another control token for the one in front of an image",
    "gemma3-gqa",
    () =>
      changeJson(folder, "config.json", (config) => {
        config.boi_token_index = config.eos_token_id;
      }),
    ["family"],
    /^config\.json's boi_token is '<end_of_turn>'; expected '<start_of_image>' of the tokenizer$/,
  ],
  [
    "another control token for the one behind an image",
    "gemma4-concat",
    () =>
      changeJson(folder, "config.json", (config) => {
        config.eoi_token_id = config.boi_token_id;
      }),
    ["family"],
    /^config\.json's eoi_token is '<\|image>'; expected '<image\|>' of the tokenizer$/,
  ],
  [
    "an ordinary token in front of an image, with a tokenizer that names none",
    "gemma4-concat",
    async () => {
      await changeJson(folder, "config.json", (config) => {
        config.boi_token_id = 40;
      });
      await changeJson(folder, "tokenizer_config.json", (named) => {
        delete named.boi_token;
      });
    },
    ["family"],
    /^config\.json's boi_token is '.'; expected a control token of images$/,
  ],
  [
    "more layers in config.json than the decoder has",
    "smolvlm-gqa",
    () =>
      changeJson(folder, "config.json", (config) => {
        config.text_config.num_hidden_layers = 1e9;
      }),
    ["interfaces"],
    /is 1, counted from 0; config\.json tells 1000000000 layers$/,
  ],
  [
    "a beginning of images that the tokenizer does not know",
    "gemma4-concat",
    () =>
      changeJson(folder, "config.json", (config) => {
        config.boi_token_id = 1e6;
      }),
    ["family"],
    /^config\.json: boi_token_id has id 1000000, which the tokenizer does not know$/,
  ],
  [
    "a padding token that the tokenizer does not know",
    "gemma4-concat",
    () =>
      changeJson(folder, "config.json", (config) => {
        config.text_config.pad_token_id = 1e6;
      }),
    ["family"],
    /^config\.json: text_config\.pad_token_id has id 1000000, which the tokenizer does not know$/,
  ],
  [
    "an end of answers that the tokenizer does not know",
    "llava-concat",
    () => writeFile(join(folder, "generation_config.json"), '{"eos_token_id": 1000000000}'),
    ["family"],
    /^the end of an answer is token 1000000000, which the tokenizer does not know$/,
  ],
  [
    "a chat template that ends within a loop",
    "smolvlm-gqa",
    writeTemplate("{% for message in messages %}"),
    ["chat-template"],
    /chat_template\.jinja: the chat template cannot render a question: /,
  ],
  [
    "a chat template without an end",
    "smolvlm-gqa",
    writeTemplate(
      "{% for i in range(1000000) %}{% for k in range(1000000) %}x{% endfor %}{% endfor %}",
    ),
    ["chat-template"],
    /the chat template cannot render a question: it took longer than 1000 ms$/,
  ],
  [
    "a config.json that is a list",
    "llava-concat",
    () => writeFile(join(folder, "config.json"), "[]"),
    ["config"],
    /config\.json: Invalid input: expected object, received array$/,
  ],
];

test.each(MIXED)("%s (%s) is named", async (_, checkpoint, damage, names, detail) => {
  folder = await copyOf(checkpoint, CHECKPOINTS);
  await damage();
  const { checks } = await diagnose(folder, { threads: 1, stock: false });
  const faults = checks.filter(({ status }) => status === "fault");
  expect(faults.map(({ name }) => name)).toEqual(names);
  expect(faults[0]!.detail).toMatch(detail);
});

test("a graph in another precision is not taken for one of a wrong name", async () => {
  folder = await copyOf("idefics3-concat", CHECKPOINTS);
  const { checks } = await diagnose(folder, { dtype: "q4", stock: false });
  const { detail, remedy } = checks.find(({ name }) => name === "embed_tokens")!;
  expect(detail).toMatch(
    /embed_tokens_q4\.onnx is missing .*complete there: dtype fp32; there are /,
  );
  expect(remedy).toBe("fetch the file, or choose a precision that is complete (--dtype)");
});

test("a graph that is there in more precisions than the whole is told as one to be chosen by itself", async () => {
  const { checks } = await diagnose(join(CHECKPOINTS, "llava-concat"), {
    dtype: "q4",
    stock: false,
  });
  expect(checks.find(({ name }) => name === "embed_tokens")!.detail).toMatch(
    /complete there: dtype fp32; this graph is there in fp32, fp16: .*\(--dtype embed_tokens=fp32\)/,
  );
});
