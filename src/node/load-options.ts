import { checkNames } from "../arguments/check-names.js";
import { integerIn, numberIn, oneOf, shown } from "../arguments/numbers.js";
import { InvalidArgumentError } from "../errors.js";
import { DTYPE_SUFFIXES, type Dtype } from "./checkpoint-folder.js";
import type { DownloadProgress } from "./hub.js";
import { type ImageLimits, imageLimits } from "./images/image-limits.js";
import { mostThreads } from "./threads.js";

/** Options of `load`. */
export interface LoadOptions {
  /** Precision of the graphs. Default "fp32". */
  readonly dtype?: Dtype;
  /**
   * Folder of a LoRA adapter as PEFT saves it, to be merged into the decoder's weights (precisions "fp32" and "fp16").
   * Default: none.
   */
  readonly adapter?: string;
  /** Threads per session, from 1 to the larger of 64 and four for each core. Default: one for each 64 MiB of a graph's weights, at most the cores. */
  readonly threads?: number;
  /**
   * "delta" patches the decoder to return only new cache rows, "whole" runs it as it is.
   * Default: "delta" where the graph allows it.
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
 * @returns the precision to load
 * @throws InvalidArgumentError naming the option, what was received and what is expected
 */
export function checkLoadOptions(options: LoadOptions): Dtype {
  checkNames(options, OPTION_NAMES, "load has no option");
  const { dtype = "fp32", adapter, cache, threads } = options;
  if (adapter !== undefined && (typeof adapter !== "string" || adapter === "")) {
    throw new InvalidArgumentError(
      `adapter: received ${shown(adapter)}; expected the folder of a LoRA adapter`,
    );
  }
  imageLimits(options.images);
  if (threads !== undefined) integerIn("threads", threads, 1, mostThreads());
  if (cache !== undefined) oneOf("cache", cache, ["delta", "whole"]);
  for (const name of ["visionCacheMiB", "prefixCacheMiB", "liveCacheMiB"] as const) {
    if (options[name] !== undefined) numberIn(name, options[name], 0);
  }
  return oneOf("dtype", dtype, Object.keys(DTYPE_SUFFIXES) as Dtype[]);
}
