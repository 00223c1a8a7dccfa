import { createHash } from "node:crypto";
import { createWriteStream, existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ListFileEntry } from "@huggingface/hub";
import { GroundsightError, ModelLoadError } from "../errors.js";
import {
  DTYPE_SUFFIXES,
  type Dtype,
  dtypesOf,
  GRAPH_NAMES,
  type GraphDtypes,
  type GraphName,
  graphFileName,
} from "./checkpoint-folder.js";
import { dtypeText } from "./dtype-choice.js";
import { promisedWeights } from "./external-data.js";
import { readJsonFile } from "./read-text-file.js";

/** How far a download has come, over all files of a model. */
export interface DownloadProgress {
  readonly file: string;
  readonly loadedBytes: number;
  readonly totalBytes: number;
}

/** Options of {@link fetchModel}. */
export interface HubOptions {
  /** Precision of all graphs, or of each. */
  readonly dtype: Dtype | GraphDtypes;
  /** Where downloads are kept. Default: $GROUNDSIGHT_CACHE, else ~/.cache/groundsight. */
  readonly cacheDir?: string | undefined;
  /** Use only what is in the cache. */
  readonly offline?: boolean | undefined;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The graphs that are wanted. Default: those of a vision-language model. */
  readonly graphs?: readonly string[];
  /** Called with the folder once config.json is there: throws when the rest need not be fetched. */
  readonly judge?: ((folder: string) => void) | undefined;
}

const JSON_FILE =
  /^(config|generation_config|preprocessor_config|processor_config|tokenizer|tokenizer_config|special_tokens_map|chat_template|vocab)\.(json|jinja)$/;

/**
 * Folder of a hub model in the cache, downloaded first when it is not there. Every file is checked against the
 * hub's checksum before it gets its name, so an interrupted download leaves nothing that looks complete.
 *
 * $HF_ENDPOINT names another hub, $HF_TOKEN grants access to private models.
 *
 * @throws ModelLoadError when it is not in the cache and cannot be fetched, or a checksum is wrong
 */
export async function fetchModel(hubId: string, options: HubOptions): Promise<string> {
  const folder = join(cacheFolder(options.cacheDir), hubId.replace("/", "--"));
  const { graphs = GRAPH_NAMES } = options;
  const dtypes = dtypesOf(options.dtype);
  const marked = (name: string) => markerOf(folder, name, graphs);
  const marker = marked(dtypeText(dtypes));
  // Graphs that were fetched in one precision each are there in both.
  const parts = Object.values(dtypes).map(marked);
  if (existsSync(marker) || parts.every((part) => existsSync(part))) return folder;
  if (options.offline === true) {
    throw new ModelLoadError(
      `${hubId} (dtype ${dtypeText(dtypes)}) is not in the cache ${folder}, and offline mode forbids fetching it; load it once with a network, or give a folder`,
    );
  }
  try {
    await download(hubId, await wantedFiles(hubId, graphs, dtypes), folder, options);
  } catch (cause) {
    if (GroundsightError.isInstance(cause)) throw cause;
    throw new ModelLoadError(`cannot fetch ${hubId} from ${hubUrl()}: ${reason(cause)}`, { cause });
  }
  await writeFile(marker, "");
  return folder;
}

/** Hub models in the cache, complete in at least one precision. */
export async function cachedModels(
  cacheDir?: string,
): Promise<{ hubId: string; folder: string; dtypes: string[] }[]> {
  const root = cacheFolder(cacheDir);
  const names = existsSync(root) ? await readdir(root) : [];
  const models = await Promise.all(
    names.map(async (name) => {
      const folder = join(root, name);
      const found = await readdir(folder).catch(() => []);
      const complete = found.flatMap((file) => MARKER.exec(file)?.[1] ?? []);
      const same = Object.keys(DTYPE_SUFFIXES).filter((dtype) => complete.includes(dtype));
      const mixed = complete.filter((text) => text.includes("=")).sort();
      return { hubId: name.replace("--", "/"), folder, dtypes: [...same, ...mixed] };
    }),
  );
  return models.filter(({ dtypes }) => dtypes.length > 0);
}

/** The file that says that a model is complete in some precisions. */
const MARKER = /^\.complete-(.+)$/;

function markerOf(folder: string, dtypes: string, graphs: readonly string[]): string {
  const kind = graphs === GRAPH_NAMES ? "complete" : `has-${graphs.join("-")}`;
  return join(folder, `.${kind}-${dtypes}`);
}

function cacheFolder(cacheDir: string | undefined): string {
  return join(
    cacheDir ?? process.env.GROUNDSIGHT_CACHE ?? join(homedir(), ".cache", "groundsight"),
    "models",
  );
}

function hubUrl(): string {
  return process.env.HF_ENDPOINT ?? "https://huggingface.co";
}

function access(): { hubUrl: string; accessToken?: string } {
  const token = process.env.HF_TOKEN;
  return { hubUrl: hubUrl(), ...(token === undefined ? {} : { accessToken: token }) };
}

/** What a precision needs of a repository. */
interface WantedFiles {
  /** Configurations, config.json first, and graphs with their external weights. */
  readonly files: readonly ListFileEntry[];
  readonly graphs: readonly { readonly name: string; readonly path: string }[];
  /** Why they are not enough. */
  readonly missing: string | undefined;
}

async function wantedFiles(
  hubId: string,
  names: readonly string[],
  dtypes: GraphDtypes,
): Promise<WantedFiles> {
  const all: ListFileEntry[] = [];
  const { listFiles } = await import("@huggingface/hub");
  for await (const file of listFiles({ ...access(), repo: hubId, recursive: true })) {
    if (file.type === "file") all.push(file);
  }
  const config = all.find(({ path }) => path === "config.json");
  if (config === undefined) {
    throw new ModelLoadError(
      `${hubId} has no config.json; expected a model laid out for transformers.js`,
    );
  }
  const isThere = (file: string) => all.some(({ path }) => path === `onnx/${file}`);
  const dtypeOf = (name: string) => dtypes[name as GraphName] ?? dtypes.decoder_model_merged;
  const graphs = names.map((name) => ({
    name,
    path: `onnx/${graphFileName(name, dtypeOf(name), isThere)}`,
  }));
  const others = all.filter(
    ({ path }) =>
      (JSON_FILE.test(path) && path !== config.path) ||
      graphs.some((graph) => path === graph.path || path.startsWith(`${graph.path}_data`)),
  );
  const absent = graphs.find((graph) => !all.some(({ path }) => path === graph.path));
  const found = all.map(({ path }) => path).filter((path) => path.endsWith(".onnx"));
  const remedy =
    found.length > 0
      ? `its graphs are ${found.join(", ")}`
      : "it has no graphs in ONNX at all: use a repository that was exported for transformers.js, such as llava-hf/llava-interleave-qwen-0.5b-hf (dtype q4)";
  return {
    files: [config, ...others],
    graphs,
    missing:
      absent === undefined
        ? undefined
        : `${hubId} has no ${absent.path} (dtype ${dtypeOf(absent.name)}); ${remedy}`,
  };
}

async function download(
  hubId: string,
  wanted: WantedFiles,
  folder: string,
  { onProgress, signal, judge }: HubOptions,
): Promise<void> {
  const { files, missing } = wanted;
  const totalBytes = files.reduce((sum, { size }) => sum + size, 0);
  let loadedBytes = 0;
  for (const [i, file] of files.entries()) {
    // The configuration alone may tell that the gigabytes behind it are of no use.
    if (i === 1) {
      judge?.(folder);
      if (missing !== undefined) throw new ModelLoadError(missing);
      requireWeights(hubId, wanted, folder);
    }
    const target = join(folder, file.path);
    if (existsSync(target) && (await checksumOf(target, file)) === expectedChecksum(file)) {
      loadedBytes += file.size;
      continue;
    }
    await mkdir(dirname(target), { recursive: true });
    const part = `${target}.part`;
    const { downloadFile } = await import("@huggingface/hub");
    const blob = await downloadFile({ ...access(), repo: hubId, path: file.path });
    if (blob === null) throw new ModelLoadError(`${hubId}: ${file.path} vanished from the hub`);
    const hash = hashFor(file);
    const source = Readable.fromWeb(blob.stream() as Parameters<typeof Readable.fromWeb>[0]);
    await pipeline(
      source,
      async function* observe(chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) {
          hash.update(chunk);
          loadedBytes += chunk.length;
          onProgress?.({ file: file.path, loadedBytes, totalBytes });
          yield chunk;
        }
      },
      createWriteStream(part),
      { signal },
    );
    const checksum = hash.digest("hex");
    if (checksum !== expectedChecksum(file)) {
      await rm(part);
      throw new ModelLoadError(
        `${hubId}: ${file.path} arrived with checksum ${checksum}; expected ${expectedChecksum(file)}. Try again`,
      );
    }
    await rename(part, target);
  }
}

/** @throws ModelLoadError when the hub lacks files of weights that config.json promises */
function requireWeights(hubId: string, { files, graphs }: WantedFiles, folder: string): void {
  const config = readJsonFile(join(folder, "config.json"));
  const promised = graphs.flatMap(({ name, path }) =>
    promisedWeights(config, name, basename(path)),
  );
  const absent = promised.find((name) => !files.some(({ path }) => path === `onnx/${name}`));
  if (absent === undefined) return;
  throw new ModelLoadError(
    `${hubId} has no onnx/${absent}, in which weights lie by its config.json (use_external_data_format); the repository is incomplete: choose another dtype, or tell its author`,
  );
}

/** Large files are named by SHA-256, others by git's blob id: SHA-1 of a header and the content. */
function hashFor({ lfs, size }: ListFileEntry): ReturnType<typeof createHash> {
  return lfs === undefined ? createHash("sha1").update(`blob ${size}\0`) : createHash("sha256");
}

function expectedChecksum({ lfs, oid }: ListFileEntry): string | undefined {
  return lfs?.oid ?? oid;
}

async function checksumOf(path: string, file: ListFileEntry): Promise<string> {
  return hashFor(file)
    .update(await readFile(path))
    .digest("hex");
}

function reason(cause: unknown): string {
  const { message, cause: inner, statusCode } = cause as Error & { statusCode?: number };
  if (statusCode === 401 || statusCode === 404)
    return `there is no such public model (${message}); set HF_TOKEN for a private one`;
  if (message === "fetch failed") {
    return `no connection (${(inner as Error | undefined)?.message ?? message}). Without a network, use the bundled model 'pocket' or a checkpoint folder`;
  }
  return message;
}
