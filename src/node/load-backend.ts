import { OnnxBackend } from "../backends/onnx/backend.js";
import { layerCount, readGeometry } from "../backends/onnx/decoder-tensors.js";
import type { CheckpointGraphs, DecoderGraph } from "../backends/onnx/graphs.js";
import type { ImageToProcess, OnnxParts } from "../backends/onnx/parts.js";
import type { Session } from "../backends/onnx/runtime.js";
import { WebGpuBackend } from "../backends/webgpu/backend.js";
import type { Backend } from "../engine/backend.js";
import type { ModelInfo } from "../engine/model-info.js";
import { DatasetError, GroundsightError } from "../errors.js";
import { refuseSettings, unseenWindow } from "../families/config-settings.js";
import type { ModelFamily } from "../families/family.js";
import type { Adapter } from "./adapter-folder.js";
import type { CheckpointFolder } from "./checkpoint-folder.js";
import { ImageOpener } from "./images/open-image.js";
import type { LoadOptions } from "./load-options.js";
import { onnxRuntime } from "./onnx-runtime.js";
import { openGraphs } from "./open-graphs.js";
import { loadProcessors } from "./processors.js";

/** What is to be opened. */
export interface CheckpointToLoad {
  /** The name that the user gave. */
  readonly id: string;
  readonly folder: CheckpointFolder;
  /** Precisions in words. */
  readonly dtype: string;
  readonly adapter: NamedAdapter | undefined;
  readonly options: LoadOptions;
}

/** An adapter, by the name that the user gave. */
interface NamedAdapter extends Adapter {
  readonly name: string;
}

/**
 * Opens a checkpoint as a backend.
 *
 * @throws ModelLoadError naming the file that is missing, corrupt or not understood, or what of an adapter does not fit
 */
export async function loadBackend(checkpoint: CheckpointToLoad): Promise<Backend> {
  const { folder, adapter, options } = checkpoint;
  const { Tensor } = await onnxRuntime();
  const { prompts, imageProcessor, tokenText } = await loadProcessors(
    folder.path,
    folder.family.chatTemplate,
  );
  const family = folder.family.configure({ config: folder.config, tokenText });
  refuseSettings(folder.config);
  const opened = await openGraphs(folder, adapter, options);
  const { hash, release } = opened;
  const window = unseenWindow(folder.config, opened.traits);
  const graphs = window === undefined ? opened.graphs : withoutGaps(opened.graphs);
  const { generation } = folder;
  const images = new ImageOpener(options.images);
  const parts: OnnxParts = {
    runtime: { Tensor },
    info: modelInfo(checkpoint, family, graphs.decoder, window),
    family,
    prompts,
    graphs,
    endTokens: new Set([generation.eos_token_id ?? family.facts.endTokens].flat()),
    defaultMaxTokens: generation.max_new_tokens ?? 128,
    memory: {
      visionBytes: (options.visionCacheMiB ?? 128) * 2 ** 20,
      prefixBytes: (options.prefixCacheMiB ?? 256) * 2 ** 20,
    },
    async openImage(source, signal) {
      const { key, name, decode } = await images.open(source, signal);
      const process: ImageToProcess["process"] = async (change) => {
        const decoded = await decode();
        const pixels = change === undefined ? decoded : await change(decoded);
        try {
          return await family.process(imageProcessor, pixels);
        } catch (cause) {
          if (GroundsightError.isInstance(cause)) throw cause;
          const { message } = cause as Error;
          throw new DatasetError(`cannot process image ${name}: ${message}`, { cause });
        }
      };
      return { key, process };
    },
    hash,
    release,
  };
  return options.device === "webgpu" ? new WebGpuBackend(parts) : new OnnxBackend(parts);
}

/** A window that is hidden in a graph's mask counts rows of the cache, free ones between filled ones too: none may be free. */
function withoutGaps(graphs: CheckpointGraphs): CheckpointGraphs {
  const { decoder } = graphs;
  const pastLayout = decoder.pastLayout === "masked" ? "exact" : decoder.pastLayout;
  return { ...graphs, decoder: { ...decoder, pastLayout } };
}

/** Facts for people; sizes that the configuration leaves out are those of the graphs. */
function modelInfo(
  { id, dtype, adapter, options: { device } }: CheckpointToLoad,
  { name, facts }: ModelFamily,
  { session, returnsNewRows, pieceTokens }: DecoderGraph,
  window: number | undefined,
): ModelInfo {
  const kept = readGeometry(session, facts.cache);
  const layers = facts.layers ?? layerCount(kept);
  return {
    id,
    family: name,
    dtype,
    ...(adapter === undefined ? {} : { adapter: adapter.name }),
    ...(device === undefined || device === "cpu" ? {} : { device }),
    vocabularySize: facts.vocabularySize ?? lastDimension(session.outputMetadata, "logits"),
    hiddenSize: facts.hiddenSize ?? lastDimension(session.inputMetadata, "inputs_embeds"),
    layers,
    ...(kept.layers.length === layers
      ? {}
      : { attentionLayers: kept.layers.map(({ layer }) => layer) }),
    contextLength: Math.min(facts.contextLength, window ?? Number.POSITIVE_INFINITY),
    cache: returnsNewRows ? "delta" : "whole",
    ...(pieceTokens === undefined ? {} : { promptPieceTokens: pieceTokens }),
  };
}

/** The last dimension of a graph's value; NaN when the graph does not tell. */
function lastDimension(values: Session["inputMetadata"], name: string): number {
  const value = values.find((one) => one.name === name);
  return Number(value?.isTensor === true ? value.shape.at(-1) : undefined);
}
