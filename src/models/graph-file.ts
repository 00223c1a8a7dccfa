import type { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { InferenceSession } from "onnxruntime-node";
import type { Session } from "../engine/runtime.js";
import { ModelLoadError } from "../errors.js";
import type { OnnxModel } from "../onnx/model.js";
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

  /** Parses the graph; weights in external files are not read. */
  async read(): Promise<OnnxModel> {
    try {
      return readModel(await readFile(this.path));
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
      const externalData = await this.#externalData(patched);
      return await InferenceSession.create(writeModel(patched), { ...options, externalData });
    } catch (cause) {
      throw new ModelLoadError(
        `cannot load ${this.path}: ${(cause as Error).message}. The file may be truncated or corrupt; fetch it again`,
        { cause },
      );
    }
  }

  /** Adds the file's bytes to a running hash. */
  async addTo(hash: ReturnType<typeof createHash>): Promise<void> {
    hash.update(basename(this.path));
    await pipeline(createReadStream(this.path), async (chunks) => {
      for await (const chunk of chunks) hash.update(chunk as Buffer);
    });
  }

  /** The files that hold the graph's weights outside it, as the runtime takes them beside a graph in memory. */
  async #externalData(model: OnnxModel): Promise<{ path: string; data: Uint8Array }[]> {
    const names = new Set<string>();
    for (const { external } of model.graph.initializers) {
      const location = external?.get("location");
      if (location !== undefined) names.add(location);
    }
    return Promise.all(
      [...names].map(async (path) => ({
        path,
        data: await readFile(join(dirname(this.path), path)),
      })),
    );
  }
}
