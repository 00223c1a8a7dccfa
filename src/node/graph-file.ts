import type { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { InferenceSession } from "onnxruntime-node";
import type { Session } from "../backends/onnx/runtime.js";
import { ModelLoadError } from "../errors.js";
import { referToWeights } from "../onnx/external-weights.js";
import type { OnnxModel } from "../onnx/graph-model.js";
import { readModel } from "../onnx/read-model.js";
import { writeModel } from "../onnx/write-model.js";

/** An ONNX file of a checkpoint, patched or not. */
export class GraphFile {
  readonly path: string;

  /** @throws ModelLoadError when there is no such file */
  constructor(path: string) {
    if (!existsSync(path)) {
      throw new ModelLoadError(
        `${path} is missing; expected it in a checkpoint laid out for transformers.js`,
      );
    }
    this.path = path;
  }

  /** Parses the graph; its weights stay in their files, to be mapped by the runtime. */
  async read(): Promise<OnnxModel> {
    try {
      const bytes = await readFile(this.path);
      return referToWeights(readModel(bytes), bytes, basename(this.path));
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
    try {
      if (patched === undefined) return await InferenceSession.create(this.path, options);
      return await InferenceSession.create(
        writeModel(patched),
        this.#withExternalData(options, patched),
      );
    } catch (cause) {
      throw new ModelLoadError(
        `cannot load ${this.path}: ${(cause as Error).message}. The file may be truncated or corrupt; fetch it again`,
        { cause },
      );
    }
  }

  /** Adds the file's bytes, and those of the files that hold its weights, to a running hash. */
  async addTo(hash: ReturnType<typeof createHash>): Promise<void> {
    await addFile(this.path, hash);
    for (const location of this.#weightFiles(await this.read())) {
      await addFile(join(dirname(this.path), location), hash);
    }
  }

  /** Names of other files that hold the graph's weights, in order. */
  #weightFiles({ graph }: OnnxModel): string[] {
    const locations = graph.initializers.flatMap(({ external }) => external?.get("location") ?? []);
    return [...new Set(locations)].filter((name) => name !== basename(this.path)).sort();
  }

  /** Tells the runtime where the weights lie that are not in the graph; it maps them, so they never pass through here. */
  #withExternalData(
    options: InferenceSession.SessionOptions,
    model: OnnxModel,
  ): InferenceSession.SessionOptions {
    if (model.graph.initializers.every(({ external }) => external === undefined)) return options;
    const session = { model_external_initializers_file_folder_path: dirname(this.path) };
    return { ...options, extra: { ...options.extra, session } };
  }
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
