import type { InferenceSession } from "onnxruntime-common";
import type { OnnxParts } from "../../src/backends/onnx/parts.js";
import type { Session, Tensors } from "../../src/backends/onnx/runtime.js";

/** The session, which tells of each run before it runs. What `onRun` throws fails the run. */
export function watched(
  session: Session,
  onRun: (feeds: Tensors) => void | Promise<void>,
): Session {
  const run = async (feeds: Tensors, outputs?: readonly string[]) => {
    await onRun(feeds);
    return outputs === undefined ? session.run(feeds) : session.run(feeds, [...outputs]);
  };
  return { ...session, run: run as InferenceSession["run"] };
}

/** What a watched model has run. */
export interface RunCounts {
  /** Runs of the vision encoder, and of patched forms of it among them. */
  images: number;
  editedImages: number;
  /** Rows that the decoder was given. */
  rows: number;
}

/** Parts whose vision encoder and decoder are counted, and may be patched: edits are ignored by what they patch. */
export function countedParts(parts: OnnxParts): { parts: OnnxParts; counts: RunCounts } {
  const counts: RunCounts = { images: 0, editedImages: 0, rows: 0 };
  const { vision, decoder } = parts.graphs;
  const countRows = (feeds: Tensors) => {
    const [batch, steps] = feeds.inputs_embeds!.dims;
    counts.rows += batch! * steps!;
  };
  const encode = watched(vision.session, () => {
    counts.images++;
  });
  const encodeEdited = watched(encode, () => {
    counts.editedImages++;
  });
  const decode = watched(decoder.session, countRows);
  const graphs = {
    ...parts.graphs,
    vision: { ...vision, session: encode },
    decoder: { ...decoder, session: decode },
    openEdited: async (graph: "vision" | "decoder") => (graph === "vision" ? encodeEdited : decode),
  };
  return { parts: { ...parts, graphs }, counts };
}
