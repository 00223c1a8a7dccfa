import type { ActiveEdit } from "../../engine/method.js";
import { UnsupportedCapabilityError } from "../../errors.js";
import type { GraphEdit } from "../../onnx/edits/graph-edit.js";
import { hiddenStatesEdit } from "../../onnx/edits/hidden-states.js";
import { lensLayers, logitLensEdit, logitLensOutput } from "../../onnx/edits/logit-lens.js";
import { type EditSet, editSet } from "./edit-feeds.js";
import type { OnnxParts } from "./parts.js";
import { stateOutputs } from "./pooled-states.js";
import type { Session } from "./runtime.js";

/** A graph that returns what lies inside of it. */
export interface TappedGraph {
  readonly session: Session;
  /** Names of what it returns, in the order of the layers. */
  readonly outputs: readonly string[];
  /** What was done to the graph, the read-outs among it. */
  readonly edits: Pick<EditSet, "edits" | "active">;
}

/** Copies of a checkpoint's graphs with read-outs, for one probe: each opened when it is first needed, and kept. */
export class TappedGraphs {
  readonly #open: NonNullable<OnnxParts["graphs"]["openEdited"]>;
  readonly #active: readonly ActiveEdit[];
  readonly #sessions = new Map<string, Promise<Session>>();

  /**
   * @param active edits that hold for all of them
   * @throws UnsupportedCapabilityError when the graphs cannot be patched
   */
  constructor({ graphs, info }: OnnxParts, active: readonly ActiveEdit[]) {
    if (graphs.openEdited === undefined) {
      throw new UnsupportedCapabilityError(
        `model ${info.id}: its graphs cannot be patched, so its hidden states cannot be read`,
      );
    }
    this.#open = graphs.openEdited;
    this.#active = active;
  }

  /** A graph that returns its hidden states, embeddings first. */
  async states(graph: "vision" | "decoder", positions: "all" | "last"): Promise<TappedGraph> {
    const tapped = await this.#tapped(hiddenStatesEdit(graph, { positions }));
    return { ...tapped, outputs: stateOutputs(tapped.session) };
  }

  /** A decoder with the logit lens, and the layers whose lens it returns. */
  async lens(
    tokens: readonly number[],
    layers: readonly number[] | undefined,
  ): Promise<TappedGraph & { readonly layers: readonly number[] }> {
    const tapped = await this.#tapped(logitLensEdit(tokens, layers));
    const found = lensLayers(tapped.session.outputNames);
    return { ...tapped, outputs: found.map(logitLensOutput), layers: found };
  }

  async release(): Promise<void> {
    const opened = await Promise.allSettled(this.#sessions.values());
    this.#sessions.clear();
    await Promise.all(
      opened.map((one) => (one.status === "fulfilled" ? one.value.release() : undefined)),
    );
  }

  async #tapped(tap: GraphEdit): Promise<Omit<TappedGraph, "outputs">> {
    const { edits, active } = editSet(this.#active, tap.graph);
    const key = `${tap.graph}/${tap.key}`;
    const opened = this.#sessions.get(key) ?? this.#open(tap.graph, [tap, ...edits], "probe");
    this.#sessions.set(key, opened);
    opened.catch(() => this.#sessions.delete(key));
    return {
      session: await opened,
      edits: { edits: [...edits, tap], active: [...active, { strength: 1 }] },
    };
  }
}
