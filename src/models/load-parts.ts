import { createHash } from "node:crypto";
import { AutoImageProcessor, AutoTokenizer, RawImage } from "@huggingface/transformers";
import { Tensor } from "onnxruntime-node";
import type { DecoderGraph } from "../engine/decoder.js";
import type { ProcessedImage } from "../engine/family.js";
import type { ModelParts } from "../engine/model-parts.js";
import { GroundsightError, ModelLoadError } from "../errors.js";
import { patchCache } from "../onnx/edits/patch-cache.js";
import type { CheckpointFolder, Dtype } from "./checkpoint-folder.js";
import { openImage } from "./decode-image.js";
import { familyOf } from "./families.js";
import { GraphFile } from "./graph-file.js";
import { GraphPatches } from "./graph-patches.js";
import type { LoadOptions } from "./load-options.js";
import { promptTools } from "./prompt-tools.js";

/**
 * Opens everything a model handle is made of.
 *
 * @param id the name that the user gave
 * @throws ModelLoadError naming the file that is missing, corrupt or not understood
 */
export async function loadParts(
  id: string,
  folder: CheckpointFolder,
  dtype: Dtype,
  options: LoadOptions,
): Promise<ModelParts> {
  const sessionOptions =
    options.threads === undefined
      ? {}
      : { intraOpNumThreads: options.threads, interOpNumThreads: 1 };
  const files = {
    embed: new GraphFile(folder.graph("embed_tokens")),
    vision: new GraphFile(folder.graph("vision_encoder")),
    decoder: new GraphFile(folder.graph("decoder_model_merged")),
  };
  const { tokenizer, imageProcessor } = await loadProcessors(folder);
  const [embed, vision, decoder] = await Promise.all([
    files.embed.open(sessionOptions),
    files.vision.open(sessionOptions),
    openDecoder(files.decoder, sessionOptions, options.cache),
  ]);
  const { config, generation } = folder;
  const text = config.text_config;
  const prompts = promptTools(tokenizer);
  const tokenText = (token: number) => tokenizer.decode([token], { skip_special_tokens: false });
  const family = familyOf({ config, tokenText });
  const patcher = new GraphPatches(files, sessionOptions, decoder.returnsNewRows);
  let hash: Promise<string> | undefined;
  return {
    runtime: { Tensor },
    family,
    prompts,
    embed,
    vision: { session: vision, feeds: {} },
    decoder,
    info: {
      id,
      family: family.name,
      dtype,
      vocabularySize: text.vocab_size,
      hiddenSize: text.hidden_size,
      layers: text.num_hidden_layers,
      contextLength: text.max_position_embeddings,
      cache: decoder.returnsNewRows ? "delta" : "whole",
    },
    endTokens: new Set(
      [generation.eos_token_id ?? config.eos_token_id ?? text.eos_token_id ?? []].flat(),
    ),
    defaultMaxTokens: generation.max_new_tokens ?? 128,
    memory: {
      visionBytes: (options.visionCacheMiB ?? 128) * 2 ** 20,
      prefixBytes: (options.prefixCacheMiB ?? 256) * 2 ** 20,
    },
    async openImage(source) {
      const file = await openImage(source);
      return { key: file.key, process: async () => imageProcessor(await file.decode()) };
    },
    hash: () => {
      hash ??= hashFiles(Object.values(files));
      return hash;
    },
    patcher,
    patchSize: config.vision_config?.patch_size,
    async release() {
      const sessions = [embed, vision, decoder.session].map((session) => session.release());
      await Promise.all([...sessions, patcher.release()]);
    },
  };
}

type RgbPixels = Awaited<ReturnType<Awaited<ReturnType<typeof openImage>>["decode"]>>;

/** The checkpoint's tokenizer and image processor, from transformers.js. */
async function loadProcessors({ path }: CheckpointFolder) {
  const local = { local_files_only: true };
  try {
    const tokenizer = await AutoTokenizer.from_pretrained(path, local);
    const processor = await AutoImageProcessor.from_pretrained(path, local);
    return {
      tokenizer,
      async imageProcessor({ data, width, height, channels }: RgbPixels): Promise<ProcessedImage> {
        const output: unknown = await processor(new RawImage(data, width, height, channels));
        const { pixel_values: pixels } = output as {
          pixel_values: { data: Float32Array; dims: number[] };
        };
        return { pixels: { data: pixels.data, dims: pixels.dims }, inputs: {} };
      },
    };
  } catch (cause) {
    throw new ModelLoadError(
      `cannot read the tokenizer or image processor in ${path}: ${(cause as Error).message}`,
      { cause },
    );
  }
}

/** Opens the decoder patched to return new rows only, or as it is where the graph does not allow that. */
async function openDecoder(
  file: GraphFile,
  sessionOptions: Parameters<GraphFile["open"]>[0],
  cache: LoadOptions["cache"],
): Promise<DecoderGraph> {
  const model = await file.read();
  try {
    const { model: patched, pastLayout } = patchCache(model);
    const isPatched = cache !== "whole";
    const session = await file.open(sessionOptions, isPatched ? patched : undefined);
    return { session, pastLayout, returnsNewRows: isPatched, feeds: {} };
  } catch (error) {
    const cannotPatch =
      GroundsightError.isInstance(error) && error.code === "UNSUPPORTED_CAPABILITY";
    if (!cannotPatch || cache === "delta") throw error;
    return {
      session: await file.open(sessionOptions),
      pastLayout: "exact",
      returnsNewRows: false,
      feeds: {},
    };
  }
}

async function hashFiles(files: readonly GraphFile[]): Promise<string> {
  const hash = createHash("sha256");
  for (const file of files) await file.addTo(hash);
  return hash.digest("hex");
}
