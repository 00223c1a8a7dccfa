import { createHash } from "node:crypto";
import type { CheckpointGraphs, DecoderGraph } from "../backends/onnx/graphs.js";
import type { Session } from "../backends/onnx/runtime.js";
import { GroundsightError, ModelLoadError, UnsupportedCapabilityError } from "../errors.js";
import { type DecoderTraits, decoderTraits } from "../onnx/decoder-traits.js";
import type { GraphEdit } from "../onnx/edits/graph-edit.js";
import { patchCache } from "../onnx/edits/patch-cache.js";
import { applyEdits } from "../onnx/edits/pipeline.js";
import { turnsRound } from "../onnx/fused-attention.js";
import type { OnnxModel } from "../onnx/graph-model.js";
import type { Adapter } from "./adapter-folder.js";
import { attentionLimit } from "./attention-trial.js";
import { checkGraph } from "./check-graph.js";
import type { CheckpointFolder } from "./checkpoint-folder.js";
import { cacheOptions, deviceOptions, refuseFusedWeights } from "./device-options.js";
import type { Device } from "./devices.js";
import { GraphFile } from "./graph-file.js";
import type { LoadOptions } from "./load-options.js";
import { defaultThreads, threadOptions } from "./threads.js";

/** A checkpoint's graphs, opened, with what can be done to their files. */
export interface OpenedGraphs {
  readonly graphs: CheckpointGraphs;
  /** What of the decoder bears on settings of the configuration. */
  readonly traits: DecoderTraits;
  /** SHA-256 over the graph files, the files of their weights and the adapter, in hex. */
  hash(): Promise<string>;
  release(): Promise<void>;
}

/**
 * Opens a checkpoint's graphs.
 *
 * @param adapter merged into the decoder's weights
 * @throws ModelLoadError naming the file that is missing or corrupt, or the module of the adapter that does not fit
 */
export async function openGraphs(
  folder: CheckpointFolder,
  adapter: Adapter | undefined,
  { threads, cache, device = "cpu" }: Pick<LoadOptions, "threads" | "cache" | "device">,
): Promise<OpenedGraphs> {
  const files = {
    embed: new GraphFile(folder.graph("embed_tokens")),
    vision: new GraphFile(folder.graph("vision_encoder")),
    decoder: new GraphFile(folder.graph("decoder_model_merged"), adapter?.updates),
  };
  const optionsOf = async (file: GraphFile, device: Device) => ({
    ...threadOptions(threads ?? defaultThreads(await file.bytes())),
    ...deviceOptions(device),
  });
  // One after another: the runtime opens a graph on this thread, which between two of them minds signals and timers.
  // Embeddings are looked up on the CPU wherever the rest runs: image features are put among them there.
  const embed = await files.embed.open(await optionsOf(files.embed, "cpu"));
  const onVision = await optionsOf(files.vision, device);
  const vision = await files.vision.open(onVision);
  const model = await files.decoder.read();
  // A memory pattern is planned for a run's shapes, and a decoder's are new in every run: it would be planned anew and never used.
  const onDecoder = { ...(await optionsOf(files.decoder, device)), enableMemPattern: false };
  const options = {
    vision: { decoding: onVision, probe: onVision },
    decoder: { decoding: { ...onDecoder, ...cacheOptions(device, model) }, probe: onDecoder },
  };
  refuseTurningCaches(files.decoder.path, model);
  const traits = decoderTraits(model);
  const decoder = {
    ...(await openDecoder(files.decoder, model, options.decoder.decoding, cache, device)),
    ...(await pieces(model, device)),
  };
  checkGraph(files.embed.path, embed, ["input_ids"]);
  checkGraph(files.decoder.path, decoder.session, ["inputs_embeds", "attention_mask"]);
  const openEdited = async (
    graph: "vision" | "decoder",
    edits: readonly GraphEdit[],
    use: "decoding" | "probe",
  ): Promise<Session> => {
    const newRows = graph === "decoder" && decoder.returnsNewRows;
    const file = files[graph];
    const stock = await file.read();
    const edited = changing(file.path, () => applyEdits(stock, edits, { newRows }));
    refuseFusedWeights(file.path, edited, device);
    return file.open(options[graph][use], edited);
  };
  let hash: Promise<string> | undefined;
  return {
    graphs: { embed, vision: { session: vision, feeds: {} }, decoder, openEdited },
    traits,
    hash: () => {
      hash ??= hashFiles(Object.values(files), adapter);
      return hash;
    },
    async release() {
      await Promise.all([embed, vision, decoder.session].map((session) => session.release()));
    },
  };
}

/** Changes a file's graph. What it does not allow is refused by the file as well. */
function changing<T>(path: string, change: () => T): T {
  try {
    return change();
  } catch (cause) {
    if (!(cause instanceof UnsupportedCapabilityError)) throw cause;
    throw new UnsupportedCapabilityError(`${path}: ${cause.message}`, { cause });
  }
}

/** Opens the decoder patched to return new rows only, or as it is where the graph does not allow that. */
async function openDecoder(
  file: GraphFile,
  model: OnnxModel,
  options: Parameters<GraphFile["open"]>[0],
  cache: LoadOptions["cache"],
  device: Device,
): Promise<DecoderGraph> {
  const asItIs = async (): Promise<DecoderGraph> => {
    const session = await file.open(options);
    return { session, pastLayout: "exact", returnsNewRows: false, feeds: {} };
  };
  // What fused attention makes of room to spare in its past is known of the CPU's kernels only.
  if (device !== "cpu" && cache !== "delta") return asItIs();
  try {
    const { model: patched, pastLayout } = changing(file.path, () => patchCache(model));
    const isPatched = cache !== "whole";
    const session = await file.open(options, isPatched ? patched : undefined);
    return { session, pastLayout, returnsNewRows: isPatched, feeds: {} };
  } catch (error) {
    const cannotPatch =
      GroundsightError.isInstance(error) && error.code === "UNSUPPORTED_CAPABILITY";
    if (!cannotPatch || cache === "delta") throw error;
    return asItIs();
  }
}

/** In what pieces prompts must be read on the device. */
async function pieces(
  { graph }: OnnxModel,
  device: Device,
): Promise<Pick<DecoderGraph, "pieceTokens">> {
  const isTried =
    device === "webgpu" && graph.nodes.some(({ opType }) => opType === "GroupQueryAttention");
  const pieceTokens = isTried ? await attentionLimit(device) : undefined;
  return pieceTokens === undefined ? {} : { pieceTokens };
}

/** @throws ModelLoadError when a layer's cache is not one of all tokens */
function refuseTurningCaches(path: string, { graph }: OnnxModel): void {
  const node = graph.nodes.find(turnsRound);
  if (node === undefined) return;
  throw new ModelLoadError(
    `${path}: ${node.opType} "${node.name}" keeps a cache of its window alone (sliding_window_cache), as onnxruntime-genai feeds it; expected caches of all tokens. Take that attribute from its nodes`,
  );
}

async function hashFiles(
  files: readonly GraphFile[],
  adapter: Adapter | undefined,
): Promise<string> {
  const hash = createHash("sha256");
  for (const file of files) await file.addTo(hash);
  if (adapter !== undefined) hash.update(`adapter ${adapter.hash}`);
  return hash.digest("hex");
}
