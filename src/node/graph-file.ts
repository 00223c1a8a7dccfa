import type { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, parse, relative, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import type { InferenceSession } from "onnxruntime-node";
import type { Session } from "../backends/onnx/runtime.js";
import { ModelLoadError } from "../errors.js";
import type { ModuleUpdate } from "../onnx/adapters/adapter.js";
import { type MergedWeights, mergeWeights, withWeights } from "../onnx/adapters/merge.js";
import { externalFiles, moveWeights } from "../onnx/external-weights.js";
import { DataType, type OnnxModel, type OnnxTensor } from "../onnx/graph-model.js";
import { readWithoutWeights } from "../onnx/read-without-weights.js";
import { writeModel } from "../onnx/write-model.js";
import { openParts } from "./file-parts.js";
import { onnxRuntime } from "./onnx-runtime.js";
import { isRegularFile } from "./regular-file.js";
import { ownFile, readPart } from "./weights-file.js";
import { nativeRun } from "./worker/exit-guard.js";

/**
 * An ONNX file of a checkpoint, patched or not. It and the files of its weights may be links, as they are in a Hugging
 * Face cache.
 */
export class GraphFile {
  readonly path: string;
  readonly #updates: readonly ModuleUpdate[];
  /** Made once, for every session. */
  #merged: Promise<MergedWeights> | undefined;
  #hasLinks: Promise<boolean> | undefined;

  /**
   * @param updates those of an adapter, which are merged into the graph's weights
   * @throws ModelLoadError when there is no such file
   */
  constructor(path: string, updates: readonly ModuleUpdate[] = []) {
    if (!isRegularFile(path)) {
      throw new ModelLoadError(
        `${path} is missing; expected it in a checkpoint laid out for transformers.js`,
      );
    }
    this.path = path;
    this.#updates = updates;
  }

  /**
   * Reads the graph; its weights stay in their files, to be mapped by the runtime, but for those that an adapter
   * changes.
   *
   * @throws ModelLoadError when it cannot be read, or the adapter does not fit it
   */
  async read(): Promise<OnnxModel> {
    const stock = await this.#read();
    if (this.#updates.length === 0) return stock;
    this.#merged ??= mergeWeights(stock, this.#updates, (tensor) => this.#dataOf(tensor));
    return withWeights(stock, await this.#merged);
  }

  async #read(): Promise<OnnxModel> {
    try {
      const model = await this.#parse();
      if (!(await this.#isLinked())) return model;
      // The runtime follows no link out of the folder it is told: it is told the root, and the files' real places.
      const places = new Map<string, string>();
      for (const name of externalFiles(model)) places.set(name, await this.#placeOf(name));
      return moveWeights(model, places);
    } catch (cause) {
      throw new ModelLoadError(`cannot load ${this.path}: ${(cause as Error).message}`, { cause });
    }
  }

  /**
   * Creates a session on the file, or on a patched form of its graph.
   *
   * @throws ModelLoadError naming the file when the runtime refuses it
   */
  async open(options: InferenceSession.SessionOptions, patched?: OnnxModel): Promise<Session> {
    const runtime = await onnxRuntime();
    const isAsItIs = this.#updates.length === 0 && !(await this.#isLinked());
    const graph = patched ?? (isAsItIs ? undefined : await this.read());
    try {
      if (graph === undefined) return await create(runtime, this.path, options);
      const external = await this.#withExternalData(options, graph);
      return await create(runtime, writeModel(graph), external);
    } catch (cause) {
      const missing = await this.#missingWeights().catch(() => undefined);
      if (missing !== undefined) {
        throw new ModelLoadError(
          `cannot load ${this.path}: its weights lie in ${missing}, which is not beside it; fetch that file too, and keep its name`,
          { cause },
        );
      }
      throw new ModelLoadError(
        `cannot load ${this.path}: ${(cause as Error).message}. ${remedyOf(options)}`,
        { cause },
      );
    }
  }

  /** Bytes of the graph with its weights, too many rather than too few: of other files' weights, all that lie beside it. */
  async bytes(): Promise<number> {
    const folder = dirname(this.path);
    const beside = (await readdir(folder)).filter((name) => !name.endsWith(".onnx"));
    const paths = [this.path, ...beside.map((name) => join(folder, name))];
    const sizes = await Promise.all(
      paths.map((path) =>
        stat(path).then(
          ({ size }) => size,
          () => 0,
        ),
      ),
    );
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  /** Adds the file's bytes, and those of the files that hold its weights, to a running hash. */
  async addTo(hash: ReturnType<typeof createHash>): Promise<void> {
    await addFile(this.path, hash);
    const others = externalFiles(await this.#parse()).filter(
      (name) => name !== basename(this.path),
    );
    for (const name of others.sort()) await addFile(join(dirname(this.path), name), hash);
  }

  /** The graph, all of whose larger weights lie in files: its own, or others beside it. */
  async #parse(): Promise<OnnxModel> {
    await using file = await openParts(this.path);
    return await readWithoutWeights(file, basename(this.path));
  }

  /** A file of weights that the graph names and that is not there. */
  async #missingWeights(): Promise<string | undefined> {
    const folder = dirname(this.path);
    return externalFiles(await this.#parse()).find(
      (name) => !isRegularFile(join(folder, ownFile(name))),
    );
  }

  /** Whether links lie in the file's folder. */
  #isLinked(): Promise<boolean> {
    this.#hasLinks ??= readdir(dirname(this.path), { withFileTypes: true }).then((entries) =>
      entries.some((entry) => entry.isSymbolicLink()),
    );
    return this.#hasLinks;
  }

  /** Where a file that the graph names lies. The graph may name files of its own folder only; links lead anywhere. */
  async #placeOf(name: string): Promise<string> {
    return belowRoot(join(dirname(this.path), ownFile(name)));
  }

  /** The bytes of a tensor of {@link #read}, whose larger ones lie in files. */
  async #dataOf({ name, dims, dataType, rawData, external }: OnnxTensor): Promise<Uint8Array> {
    const size = dims.reduce((product, dim) => product * dim, sizeOf(dataType));
    const location = external?.get("location");
    if (location === undefined && rawData?.byteLength === size) return rawData;
    let cause: unknown;
    try {
      const inFolder = (await this.#isLinked()) ? location : ownFile(location ?? "");
      const path = join(await this.#weightsFolder(), inFolder ?? "");
      const bytes = await readPart(path, Number(external?.get("offset") ?? 0), size);
      if (bytes !== undefined) return bytes;
    } catch (error) {
      cause = error;
    }
    const reason = cause === undefined ? "the file may be truncated" : (cause as Error).message;
    throw new ModelLoadError(
      `cannot load ${this.path}: the weight ${name} is not there whole: ${reason}. Fetch it again`,
      { cause },
    );
  }

  /** The folder that the places of weights begin at. */
  async #weightsFolder(): Promise<string> {
    return (await this.#isLinked()) ? parse(resolve(this.path)).root : dirname(this.path);
  }

  /** Tells the runtime where the weights lie that are not in the graph; it maps them, so they never pass through here. */
  async #withExternalData(
    options: InferenceSession.SessionOptions,
    model: OnnxModel,
  ): Promise<InferenceSession.SessionOptions> {
    if (externalFiles(model).length === 0) return options;
    const folder = await this.#weightsFolder();
    const session = { model_external_initializers_file_folder_path: folder };
    return { ...options, extra: { ...options.extra, session } };
  }
}

function remedyOf({ executionProviders }: InferenceSession.SessionOptions): string {
  const [device] = executionProviders ?? [];
  return device === undefined
    ? "The file may be truncated or corrupt; fetch it again"
    : `The device ${device} may not have the memory or the operators: try device cpu (--device cpu). If that fails too, the file may be truncated or corrupt; fetch it again`;
}

function sizeOf(dataType: number): number {
  return dataType === DataType.float16 ? 2 : 4;
}

async function create(
  { InferenceSession: sessions }: typeof import("onnxruntime-node"),
  graph: string | Uint8Array,
  options: InferenceSession.SessionOptions,
): Promise<Session> {
  const session = await nativeRun(() =>
    typeof graph === "string" ? sessions.create(graph, options) : sessions.create(graph, options),
  );
  const run = session.run.bind(session) as (...given: unknown[]) => ReturnType<Session["run"]>;
  session.run = (...given: unknown[]) => nativeRun(() => run(...given));
  return session;
}

/** The real place of a file, relative to the root of its file system. */
async function belowRoot(path: string): Promise<string> {
  const real = await realpath(path);
  return relative(parse(real).root, real);
}

async function addFile(path: string, hash: ReturnType<typeof createHash>): Promise<void> {
  hash.update(basename(path));
  try {
    await pipeline(createReadStream(path), async (chunks) => {
      for await (const chunk of chunks) hash.update(chunk as Buffer);
    });
  } catch (cause) {
    throw new ModelLoadError(`cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
}
