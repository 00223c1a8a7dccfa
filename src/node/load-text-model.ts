import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { checkNames } from "../arguments/check-names.js";
import { integerIn, oneOf } from "../arguments/numbers.js";
import { OnnxTextModel } from "../backends/onnx/text-model.js";
import type { TextModel } from "../engine/text-model.js";
import { ModelLoadError } from "../errors.js";
import type { CheckpointFacts } from "../families/family.js";
import { factsOf, parseConfig, TEXT_FIELDS } from "../families/parse-config.js";
import { hiddenStatesEdit } from "../onnx/edits/hidden-states.js";
import { applyEdits } from "../onnx/edits/pipeline.js";
import { DTYPE_SUFFIXES, type Dtype, graphFiles } from "./checkpoint-folder.js";
import { GraphFile } from "./graph-file.js";
import { type DownloadProgress, fetchModel } from "./hub.js";
import { locateTextModel } from "./locate.js";
import { onnxRuntime } from "./onnx-runtime.js";
import { readJsonFile } from "./read-text-file.js";
import { isRegularFile } from "./regular-file.js";
import { defaultThreads, mostThreads, threadOptions } from "./threads.js";
import { readTokenizer } from "./tokenizer.js";

/** Options of {@link loadTextModel}. */
export interface LoadTextOptions {
  /** Precision of the graph. Default "fp32". */
  readonly dtype?: Dtype;
  /** Threads of its session. Default: one for each 64 MiB of weights, at most the cores. */
  readonly threads?: number;
  /** Where hub models are kept. Default: $GROUNDSIGHT_CACHE, else ~/.cache/groundsight. */
  readonly cacheDir?: string;
  /** Never use the network. Default false. */
  readonly offline?: boolean;
  /** Told how far the download of a hub model has come. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Ends a download. */
  readonly signal?: AbortSignal;
}

const OPTIONS = ["dtype", "threads", "cacheDir", "offline", "onProgress", "signal"] as const;

const CONFIG = z.looseObject({ text_config: z.looseObject(TEXT_FIELDS) });

/**
 * Loads a text-only language model in the layout of transformers.js (`onnx/model.onnx` with `input_ids`).
 *
 * @param name "pocket-base" (comes with the package), a folder, or a hub id
 * @throws ModelLoadError when it cannot be found, is incomplete or corrupt
 * @throws InvalidArgumentError for unknown options or values
 * @throws UnsupportedCapabilityError when ONNX Runtime is not installed, with the command that installs it
 */
export async function loadTextModel(
  name: string,
  options: LoadTextOptions = {},
): Promise<TextModel> {
  checkNames(options, OPTIONS, "loadTextModel has no option");
  const { dtype = "fp32", threads } = options;
  oneOf("dtype", dtype, Object.keys(DTYPE_SUFFIXES) as Dtype[]);
  if (threads !== undefined) integerIn("threads", threads, 1, mostThreads());
  const place = locateTextModel(name);
  const runtime = await onnxRuntime();
  const folder =
    "hubId" in place
      ? await fetchModel(place.hubId, { ...options, dtype, graphs: ["model"] })
      : place.folder;
  const { contextLength, endTokens, cache } = readFacts(folder);
  const path = graphPath(folder, dtype);
  const file = new GraphFile(path);
  const sessionOptions = threadOptions(threads ?? defaultThreads(await file.bytes()));
  const session = await file.open(sessionOptions);
  const tokenizer = readTokenizer(folder);
  let hash: Promise<string> | undefined;
  return new OnnxTextModel({
    id: name,
    path,
    runtime,
    session,
    openStates: async () => {
      const edits = [hiddenStatesEdit("decoder", { positions: "all" })];
      return file.open(sessionOptions, applyEdits(await file.read(), edits, { newRows: false }));
    },
    cache,
    contextLength,
    endToken: endTokens[0],
    hash: () => (hash ??= hashOf(file)),
    encode: (text) => tokenizer.encode(text, { around: false }),
    decode: (ids) => tokenizer.decode(ids, { special: false }),
  });
}

function readFacts(folder: string): CheckpointFacts {
  const config = readJsonFile(join(folder, "config.json"));
  if (config !== undefined) return factsOf(parseConfig(CONFIG, config));
  throw new ModelLoadError(
    `${folder} has no config.json; expected a text model's folder laid out for transformers.js`,
  );
}

function graphPath(folder: string, dtype: Dtype): string {
  const onnx = join(folder, "onnx");
  const path = join(onnx, `model${DTYPE_SUFFIXES[dtype]}.onnx`);
  if (isRegularFile(path)) return path;
  const found = graphFiles(onnx);
  const others = (Object.keys(DTYPE_SUFFIXES) as Dtype[]).filter((one) =>
    found.includes(`model${DTYPE_SUFFIXES[one]}.onnx`),
  );
  const remedy =
    others.length > 0
      ? `there in dtype ${others.join(", ")}`
      : `${found.length > 0 ? `its graphs are ${found.join(", ")}: ` : ""}expected a text-only language model exported for transformers.js`;
  throw new ModelLoadError(`${path} is missing (dtype ${dtype}); ${remedy}`);
}

async function hashOf(file: GraphFile): Promise<string> {
  const hash = createHash("sha256");
  await file.addTo(hash);
  return hash.digest("hex");
}
