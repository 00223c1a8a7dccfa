import type { GraphPatcher, SteerableGraph, TappedGraph } from "../engine/model-parts.js";
import { addHiddenStates } from "../onnx/edits/hidden-states.js";
import { patchCache } from "../onnx/edits/patch-cache.js";
import { addSteering } from "../onnx/edits/steering.js";
import type { OnnxModel } from "../onnx/graph-model.js";
import type { GraphFile } from "./graph-file.js";

type SessionOptions = Parameters<GraphFile["open"]>[0];

/** The graph files that can be patched. */
export interface PatchableFiles {
  readonly vision: GraphFile;
  readonly decoder: GraphFile;
}

/** Opens patched forms of a checkpoint's graphs. Steerable ones are opened once and shared by all steered handles. */
export class GraphPatches implements GraphPatcher {
  readonly #files: PatchableFiles;
  readonly #options: SessionOptions;
  readonly #returnsNewRows: boolean;
  readonly #steerable = new Map<string, Promise<SteerableGraph>>();

  /** @param returnsNewRows whether the decoder in use is the one patched to return only new cache rows */
  constructor(files: PatchableFiles, options: SessionOptions, returnsNewRows: boolean) {
    this.#files = files;
    this.#options = options;
    this.#returnsNewRows = returnsNewRows;
  }

  steerable(graph: "vision" | "decoder", positions: number): Promise<SteerableGraph> {
    const key = `${graph}/${positions}`;
    let opened = this.#steerable.get(key);
    if (opened === undefined) {
      opened = this.#openSteerable(graph, positions);
      this.#steerable.set(key, opened);
      opened.catch(() => this.#steerable.delete(key));
    }
    return opened;
  }

  async tapped(graph: "vision" | "decoder", positions: "all" | "last"): Promise<TappedGraph> {
    const file = this.#files[graph];
    const { model, outputs, layers, width } = addHiddenStates(await file.read(), { positions });
    return { session: await file.open(this.#options, model), outputs, layers, width };
  }

  async release(): Promise<void> {
    const opened = await Promise.allSettled(this.#steerable.values());
    this.#steerable.clear();
    for (const result of opened) {
      if (result.status === "fulfilled") await result.value.session.release();
    }
  }

  async #openSteerable(graph: "vision" | "decoder", positions: number): Promise<SteerableGraph> {
    const file = this.#files[graph];
    let stock: OnnxModel = await file.read();
    if (graph === "decoder" && this.#returnsNewRows) stock = patchCache(stock).model;
    const { model, layers, width } = addSteering(stock, { positions });
    return { session: await file.open(this.#options, model), layers, width };
  }
}
