import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SeededRandom } from "../../math/seeded-random.js";
import { DataType, type OnnxModel } from "../../onnx/graph-model.js";
import { writeModel } from "../../onnx/write-model.js";
import type { SyntheticDecoderOptions } from "./context.js";
import { makeSyntheticDecoder } from "./decoder.js";
import { GraphBuilder } from "./graph-builder.js";
import { addTower } from "./tower.js";

const SPECIAL_TOKENS = ["<pad>", "<s>", "</s>", "<image>"];
const IMAGE_SIZE = 16;
const IMAGE_TOKENS = 16;
const CHAT_TEMPLATE =
  "{{ '<s>USER: ' }}{% for part in messages[0]['content'] %}{% if part['type'] == 'image' %}{{ '<image>\\n' }}{% else %}{{ part['text'] }}{% endif %}{% endfor %}{{ ' ASSISTANT:' }}";

/** A decoder's shape, with what the rest of the checkpoint needs. The vocabulary holds at least 260 tokens. */
export interface SyntheticCheckpointOptions extends SyntheticDecoderOptions {
  /** Transformer layers of the vision encoder. Default 0: a linear map. */
  readonly visionLayers?: number;
  /** Default 2048. */
  readonly contextLength?: number;
  /** Ids that end an answer; an empty list lets every answer run to its limit. Default `</s>`. */
  readonly endTokens?: readonly number[];
}

/**
 * Writes a LLaVA-type checkpoint with random weights, in the layout of transformers.js: for tests without a download,
 * and for benchmarks at any size. One image is 16 tokens; text is one token per UTF-8 byte.
 */
export async function writeSyntheticCheckpoint(
  folder: string,
  options: SyntheticCheckpointOptions,
): Promise<void> {
  await mkdir(join(folder, "onnx"), { recursive: true });
  const graphs: Record<string, () => OnnxModel> = {
    embed_tokens: () => embedding(options),
    vision_encoder: () => visionEncoder(options),
    decoder_model_merged: () => makeSyntheticDecoder(options),
  };
  for (const [name, make] of Object.entries(graphs)) {
    await writeFile(join(folder, "onnx", `${name}.onnx`), writeModel(make()));
  }
  for (const [name, content] of Object.entries(jsonFiles(options))) {
    await writeFile(join(folder, name), JSON.stringify(content, null, 1));
  }
}

/** input_ids [B, S] -> inputs_embeds [B, S, W]. */
function embedding({ vocabulary, width, seed = 0 }: SyntheticCheckpointOptions): OnnxModel {
  const graph = new GraphBuilder();
  const ids = graph.input("input_ids", DataType.int64, ["batch_size", "sequence"]);
  const table = new SeededRandom(seed, "embedding").gaussians(vocabulary * width);
  const rows = graph.op(
    "Gather",
    [graph.constant("embed_tokens.weight", [vocabulary, width], table), ids],
    "/Gather",
  );
  graph.output(rows, "inputs_embeds", DataType.float32, ["batch_size", "sequence", width]);
  return graph.build();
}

/** pixel_values [B, 3, 16, 16] -> image_features [B, 16, W]: a linear map of 16 chunks of 48 values, then the layers. */
function visionEncoder({
  width,
  seed = 0,
  visionLayers = 0,
}: SyntheticCheckpointOptions): OnnxModel {
  const graph = new GraphBuilder();
  const pixels = graph.input("pixel_values", DataType.float32, [
    "batch_size",
    3,
    IMAGE_SIZE,
    IMAGE_SIZE,
  ]);
  const chunk = (3 * IMAGE_SIZE ** 2) / IMAGE_TOKENS;
  const weight = new SeededRandom(seed, "vision").gaussians(chunk * width).map((x) => x / 4);
  const chunks = graph.op(
    "Reshape",
    [pixels, graph.integers([0, IMAGE_TOKENS, chunk])],
    "/Reshape",
  );
  const features = graph.op(
    "MatMul",
    [chunks, graph.constant("vision.weight", [chunk, width], weight)],
    "/MatMul",
  );
  const random = new SeededRandom(seed, "tower");
  const rows = addTower(graph, random, features, { layers: visionLayers, width });
  graph.output(rows, "image_features", DataType.float32, ["batch_size", IMAGE_TOKENS, width]);
  return graph.build();
}

function jsonFiles(options: SyntheticCheckpointOptions): Record<string, unknown> {
  const {
    width,
    heads,
    kvHeads,
    layers,
    feedForward,
    vocabulary,
    contextLength = 2048,
    endTokens = [2],
  } = options;
  const endings = { bos_token_id: 1, eos_token_id: endTokens, pad_token_id: 0 };
  return {
    "config.json": {
      model_type: "llava",
      architectures: ["LlavaForConditionalGeneration"],
      image_token_index: 3,
      ...endings,
      text_config: {
        model_type: "llama",
        hidden_size: width,
        num_hidden_layers: layers,
        num_attention_heads: heads,
        num_key_value_heads: kvHeads,
        head_dim: width / heads,
        intermediate_size: feedForward,
        vocab_size: vocabulary,
        max_position_embeddings: contextLength,
      },
      vision_config: {
        model_type: "clip_vision_model",
        image_size: IMAGE_SIZE,
        patch_size: IMAGE_SIZE / 4,
      },
    },
    "generation_config.json": { ...endings, max_new_tokens: 64 },
    "preprocessor_config.json": {
      processor_class: "LlavaProcessor",
      image_processor_type: "CLIPImageProcessor",
      do_resize: true,
      size: { shortest_edge: IMAGE_SIZE },
      resample: 3,
      do_center_crop: true,
      crop_size: { height: IMAGE_SIZE, width: IMAGE_SIZE },
      do_rescale: true,
      rescale_factor: 1 / 255,
      do_normalize: true,
      image_mean: [0.5, 0.5, 0.5],
      image_std: [0.5, 0.5, 0.5],
    },
    "processor_config.json": {
      processor_class: "LlavaProcessor",
      image_token: "<image>",
      patch_size: IMAGE_SIZE / 4,
      num_additional_image_tokens: 0,
    },
    "tokenizer.json": byteTokenizer(),
    "tokenizer_config.json": {
      tokenizer_class: "PreTrainedTokenizerFast",
      bos_token: "<s>",
      eos_token: "</s>",
      pad_token: "<pad>",
      model_max_length: contextLength,
      clean_up_tokenization_spaces: false,
      chat_template: CHAT_TEMPLATE,
    },
  };
}

/** A byte-level BPE tokenizer without merges: one token per byte, behind the special tokens. */
function byteTokenizer(): unknown {
  const vocab = Object.fromEntries(
    [...SPECIAL_TOKENS, ...byteCharacters()].map((token, id) => [token, id]),
  );
  return {
    version: "1.0",
    added_tokens: SPECIAL_TOKENS.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: {
      type: "ByteLevel",
      add_prefix_space: false,
      trim_offsets: true,
      use_regex: true,
    },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    model: { type: "BPE", vocab, merges: [] },
  };
}

/** The visible characters that byte-level tokenizers write for the bytes 0 to 255 (as GPT-2's does). */
function byteCharacters(): string[] {
  const isVisible = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173);
  let hidden = 0;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(isVisible(byte) ? byte : 256 + hidden++),
  );
}
