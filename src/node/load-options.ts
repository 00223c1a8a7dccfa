import { checkNames } from "../arguments/check-names.js";
import { integerIn, numberIn, oneOf, shown } from "../arguments/numbers.js";
import { InvalidArgumentError } from "../errors.js";
import type { GraphDtypes } from "./checkpoint-folder.js";
import { DEVICES, type Device } from "./devices.js";
import { type DtypeChoice, graphDtypes } from "./dtype-choice.js";
import type { DownloadProgress } from "./hub.js";
import { type ImageLimits, imageLimits } from "./images/image-limits.js";
import { mostThreads } from "./threads.js";

/** Options of `load`. */
export interface LoadOptions {
  /** Precision of the graphs, or of each: `{ embed_tokens: "fp16", decoder_model_merged: "q4" }`. Default "fp32". */
  readonly dtype?: DtypeChoice;
  /**
   * Folder of a LoRA adapter as PEFT saves it, to be merged into the decoder's weights (precisions "fp32" and "fp16").
   * Default: none.
   */
  readonly adapter?: string;
  /**
   * Where the vision encoder and the decoder run: "cpu", "webgpu", "cuda", "dml" or "coreml". On "webgpu" the decoder's
   * cache stays on the device. `listDevices` tells what there is. Default "cpu".
   */
  readonly device?: Device;
  /** Threads per session, from 1 to the larger of 64 and four for each core. Default: one for each 64 MiB of a graph's weights, at most the cores. */
  readonly threads?: number;
  /**
   * "delta" patches the decoder to return only new cache rows, "whole" runs it as it is.
   * Default: "delta" where the graph allows it, and "whole" on other devices than the CPU.
   */
  readonly cache?: "delta" | "whole";
  /** Bound of the cache of image features, in MiB. Default 128. */
  readonly visionCacheMiB?: number;
  /** Bound of the cache of shared prompt beginnings, in MiB. Default 256. */
  readonly prefixCacheMiB?: number;
  /**
   * Bound of the memory of contexts that are being decoded, in MiB; what would go beyond waits. Default: a quarter of
   * the machine's memory.
   */
  readonly liveCacheMiB?: number;
  /** What images may ask for: size, time, and where URLs may lead. */
  readonly images?: ImageLimits;
  /** Runs the model in a worker thread, so that a long prefill does not hold up this one. Default false. */
  readonly worker?: boolean;
  /** Where hub models are kept. Default: $GROUNDSIGHT_CACHE, else ~/.cache/groundsight. */
  readonly cacheDir?: string;
  /** Never use the network: hub models come from the cache only. Default false. */
  readonly offline?: boolean;
  /** Told how far the download of a hub model has come. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Ends a download. */
  readonly signal?: AbortSignal;
}

const OPTION_NAMES = [
  "dtype",
  "adapter",
  "device",
  "threads",
  "cache",
  "visionCacheMiB",
  "prefixCacheMiB",
  "liveCacheMiB",
  "images",
  "worker",
  "cacheDir",
  "offline",
  "onProgress",
  "signal",
] as const satisfies readonly (keyof LoadOptions)[];

/**
 * Checks the options of `load`.
 *
 * @returns the precision of each graph
 * @throws InvalidArgumentError naming the option, what was received and what is expected
 */
export function checkLoadOptions(options: LoadOptions): GraphDtypes {
  checkNames(options, OPTION_NAMES, "load has no option");
  const { dtype, adapter, cache, threads, device = "cpu" } = options;
  if (adapter !== undefined && (typeof adapter !== "string" || adapter === "")) {
    throw new InvalidArgumentError(
      `adapter: received ${shown(adapter)}; expected the folder of a LoRA adapter`,
    );
  }
  imageLimits(options.images);
  if (threads !== undefined) integerIn("threads", threads, 1, mostThreads());
  if (cache !== undefined) oneOf("cache", cache, ["delta", "whole"]);
  if (oneOf("device", device, DEVICES) === "webgpu" && cache === "delta") {
    throw new InvalidArgumentError(
      "cache: received 'delta' with device 'webgpu', where the cache stays on the device; leave it out",
    );
  }
  for (const name of ["visionCacheMiB", "prefixCacheMiB", "liveCacheMiB"] as const) {
    if (options[name] !== undefined) numberIn(name, options[name], 0);
  }
  return graphDtypes(dtype);
}
