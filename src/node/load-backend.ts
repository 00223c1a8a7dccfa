import { OnnxBackend } from "../backends/onnx/backend.js";
import { readGeometry } from "../backends/onnx/decoder-tensors.js";
import type { DecoderGraph } from "../backends/onnx/graphs.js";
import type { Session } from "../backends/onnx/runtime.js";
import type { ModelInfo } from "../engine/model-info.js";
import { DatasetError, GroundsightError } from "../errors.js";
import type { ModelFamily } from "../families/family.js";
import type { CheckpointFolder, Dtype } from "./checkpoint-folder.js";
import { ImageOpener } from "./images/open-image.js";
import type { LoadOptions } from "./load-options.js";
import { onnxRuntime } from "./onnx-runtime.js";
import { openGraphs } from "./open-graphs.js";
import { loadProcessors } from "./processors.js";

/**
 * Opens a checkpoint as a backend.
 *
 * @param id the name that the user gave
 * @throws ModelLoadError naming the file that is missing, corrupt or not understood
 */
export async function loadBackend(
  id: string,
  folder: CheckpointFolder,
  dtype: Dtype,
  options: LoadOptions,
): Promise<OnnxBackend> {
  const { Tensor } = await onnxRuntime();
  const { prompts, imageProcessor, tokenText } = await loadProcessors(folder.path);
  const family = folder.family.configure({ config: folder.config, tokenText });
  const { graphs, hash, release } = await openGraphs(folder, options);
  const { generation } = folder;
  const images = new ImageOpener(options.images);
  return new OnnxBackend({
    runtime: { Tensor },
    info: modelInfo(id, dtype, family, graphs.decoder),
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
      const process = async () => {
        const pixels = await decode();
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
  });
}

/** Facts for people; sizes that the configuration leaves out are those of the graphs. */
function modelInfo(
  id: string,
  dtype: Dtype,
  { name, facts }: ModelFamily,
  { session, returnsNewRows }: DecoderGraph,
): ModelInfo {
  return {
    id,
    family: name,
    dtype,
    vocabularySize: facts.vocabularySize ?? lastDimension(session.outputMetadata, "logits"),
    hiddenSize: facts.hiddenSize ?? lastDimension(session.inputMetadata, "inputs_embeds"),
    layers: facts.layers ?? readGeometry(session).layers.length,
    contextLength: facts.contextLength,
    cache: returnsNewRows ? "delta" : "whole",
  };
}

/** The last dimension of a graph's value; NaN when the graph does not tell. */
function lastDimension(values: Session["inputMetadata"], name: string): number {
  const value = values.find((one) => one.name === name);
  return Number(value?.isTensor === true ? value.shape.at(-1) : undefined);
}
