import { InvalidArgumentError } from "../errors.js";
import { checkOptions } from "../methods/check-options.js";
import { DTYPE_SUFFIXES, type Dtype } from "./checkpoint-folder.js";
import type { DownloadProgress } from "./hub.js";

/** Options of `load`. */
export interface LoadOptions {
  /** Precision of the graphs. Default "fp32". */
  readonly dtype?: Dtype;
  /** Threads per session, at least 1. Default: the runtime's choice. */
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
  "threads",
  "cache",
  "visionCacheMiB",
  "prefixCacheMiB",
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
  checkOptions("load", options, OPTION_NAMES);
  const { dtype = "fp32", cache, threads } = options;
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1)) {
    throw new InvalidArgumentError(
      `threads: received ${threads}; expected an integer of at least 1`,
    );
  }
  if (cache !== undefined && cache !== "delta" && cache !== "whole") {
    throw new InvalidArgumentError(`cache: received '${cache}'; expected delta or whole`);
  }
  for (const name of ["visionCacheMiB", "prefixCacheMiB"] as const) {
    const size = options[name];
    if (size !== undefined && !(size >= 0)) {
      throw new InvalidArgumentError(`${name}: received ${size}; expected a number of at least 0`);
    }
  }
  if (!Object.hasOwn(DTYPE_SUFFIXES, dtype)) {
    throw new InvalidArgumentError(
      `dtype: received '${dtype}'; expected one of ${Object.keys(DTYPE_SUFFIXES).join(", ")}`,
    );
  }
  return dtype;
}
