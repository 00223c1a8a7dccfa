import { UnsupportedCapabilityError } from "../../errors.js";
import type { PastLayout } from "../../onnx/edits/cache-delta.js";
import type { GraphEdit } from "../../onnx/edits/graph-edit.js";
import type { Session, Tensors } from "./runtime.js";

/** A decoder graph with what the backend must know to run it. */
export interface DecoderGraph {
  readonly session: Session;
  /** How the past may be fed (see onnx/edits/cache-delta). */
  readonly pastLayout: PastLayout;
  /** Whether the graph returns only new rows (outputs new.N.*) rather than the whole cache (present.N.*). */
  readonly returnsNewRows: boolean;
  /** Most tokens that a run may append where its device computes more of them wrongly; any number where left out. */
  readonly pieceTokens?: number;
  /** Inputs beyond the usual ones, the same at each step. */
  readonly feeds: Tensors;
}

/** The vision encoder with projector. */
export interface VisionGraph {
  readonly session: Session;
  /** Inputs beyond the image's own, the same for every image. */
  readonly feeds: Tensors;
}

/** A checkpoint's graphs. */
export interface CheckpointGraphs {
  readonly embed: Session;
  readonly vision: VisionGraph;
  readonly decoder: DecoderGraph;
  /**
   * Opens a patched form of a graph; the caller releases it. Undefined where graphs cannot be patched.
   *
   * A probe fetches some outputs by name, all of them on the host. The runtime goes by their number in the fetch where it
   * is told which outputs stay on a device, so that a session for a probe is told of none.
   */
  readonly openEdited?: (
    graph: "vision" | "decoder",
    edits: readonly GraphEdit[],
    use: "decoding" | "probe",
  ) => Promise<Session>;
}

/** Patched forms of a checkpoint's graphs: opened once for edits of equal keys, and shared. */
export class EditedGraphs {
  readonly #graphs: CheckpointGraphs;
  readonly #sessions = new Map<string, Promise<Session>>();

  constructor(graphs: CheckpointGraphs) {
    this.#graphs = graphs;
  }

  /** The stock session where there are no edits, else that of the graph with all of them. */
  async session(graph: "vision" | "decoder", edits: readonly GraphEdit[]): Promise<Session> {
    if (edits.length === 0) return this.#graphs[graph].session;
    const key = `${graph}/${edits
      .map((edit) => edit.key)
      .sort()
      .join("/")}`;
    const { openEdited } = this.#graphs;
    if (openEdited === undefined) {
      throw new UnsupportedCapabilityError("the model's graphs cannot be patched");
    }
    let opened = this.#sessions.get(key);
    if (opened === undefined) {
      opened = openEdited(graph, edits, "decoding");
      this.#sessions.set(key, opened);
      opened.catch(() => this.#sessions.delete(key));
    }
    return opened;
  }

  async release(): Promise<void> {
    const opened = await Promise.allSettled(this.#sessions.values());
    this.#sessions.clear();
    for (const result of opened) if (result.status === "fulfilled") await result.value.release();
  }
}
