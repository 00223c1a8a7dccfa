import { checkNames } from "../arguments/check-names.js";
import { numberIn } from "../arguments/numbers.js";
import type { SteeringDirections } from "../engine/directions.js";
import type { ActiveEdit } from "../engine/method.js";
import { InvalidArgumentError } from "../errors.js";
import { steeringEdits } from "../methods/vti.js";
import { makeTensor } from "../onnx/build.js";
import { changed, type OnnxModel } from "../onnx/graph-model.js";
import { readModel } from "../onnx/read-model.js";
import { writeModel } from "../onnx/write-model.js";
import { classOf, type StockModel } from "./stock.js";

/** A graph's file, and the files of its weights where they lie beside it. */
export interface GraphBytes {
  /** The `.onnx` file. */
  readonly graph: Uint8Array;
  /** Files of weights, by the name that the graph has for them. */
  readonly externalData?: readonly { readonly path: string; readonly data: Uint8Array }[];
}

/** What {@link steer} steers, and how far. */
export interface SteerOptions {
  /** The decoder's graph, `onnx/decoder_model_merged.onnx` of the checkpoint, in the precision that was loaded. */
  readonly decoder?: GraphBytes;
  /** The vision tower's graph, `onnx/vision_encoder.onnx`. */
  readonly vision?: GraphBytes;
  /** Strength in the vision tower; default 0.4, the paper's, where its graph is given. */
  readonly image?: number;
  /** Strength in the decoder; default 0.4 where its graph is given. */
  readonly text?: number;
}

/** A model that is steered until it is restored. */
export interface Steered {
  /** Gives the model its stock graphs back, and frees the steered ones. */
  restore(): Promise<void>;
}

/** A session of ONNX Runtime, of whatever copy transformers.js brought. */
interface StockSession {
  readonly config?: unknown;
  release(): Promise<void>;
}

interface SessionClass {
  create(bytes: Uint8Array, options: object): Promise<StockSession>;
}

const PARTS = {
  image: { graph: "vision", session: "vision_encoder" },
  text: { graph: "decoder", session: "decoder_model_merged" },
} as const;

/** The paper's alpha and beta. */
const STRENGTH = 0.4;

/**
 * Steers a model that transformers.js loaded (visual and textual intervention): its sessions are replaced by ones on
 * patched graphs, with directions and strengths as constants in them. All that is generated is steered until `restore()`.
 *
 * A loaded model no longer knows its files, so that they are given once more. Whether the directions were fitted on these
 * weights cannot be seen; sizes are checked.
 *
 * @throws InvalidArgumentError when no graph is given, when the model has no such session, or the directions lack a part
 * @throws ShapeError when directions and graph differ in layers or width
 * @throws UnsupportedCapabilityError when the graph's layers cannot be found
 * @see Liu et al. 2025 (arXiv 2410.15778), section 4
 */
export async function steer(
  model: StockModel,
  directions: SteeringDirections,
  options: SteerOptions,
): Promise<Steered> {
  checkNames(options, ["decoder", "vision", "image", "text"], "steer has no option");
  const { image, text, ...graphs } = options;
  const strengths = {
    image: numberIn("image", image ?? (graphs.vision === undefined ? 0 : STRENGTH), -Infinity),
    text: numberIn("text", text ?? (graphs.decoder === undefined ? 0 : STRENGTH), -Infinity),
  };
  const edits = steeringEdits(directions, strengths);
  const sessions = sessionsOf(model);
  const replaced = new Map<string, StockSession>();
  const steered = new Map<string, StockSession>();
  try {
    for (const part of ["image", "text"] as const) {
      const { graph, session: name } = PARTS[part];
      const edit = edits.find((one) => one.edit.graph === graph);
      if (edit === undefined) continue;
      const bytes = graphs[graph];
      const stock = sessions[name];
      if (bytes === undefined || stock === undefined) {
        throw new InvalidArgumentError(
          stock === undefined
            ? `steer: the model has no session ${name}; it has ${Object.keys(sessions).join(", ")}`
            : `steer: strength ${edit.strength} of ${part} without its graph; give ${graph}: { graph: <bytes of ${name}.onnx> }`,
        );
      }
      const baked = writeModel(withConstants(readModel(bytes.graph), edit));
      const session = await classOf<SessionClass>(stock).create(baked, {
        ...(bytes.externalData === undefined ? {} : { externalData: bytes.externalData }),
      });
      Object.assign(session, { config: stock.config });
      replaced.set(name, stock);
      steered.set(name, session);
    }
  } catch (error) {
    // All that was asked for is steered, or nothing is.
    await Promise.all([...steered.values()].map((session) => session.release()));
    throw error;
  }
  if (steered.size === 0) {
    throw new InvalidArgumentError(
      "steer: nothing to do; give decoder or vision with the bytes of the checkpoint's graph, and a strength other than 0",
    );
  }
  for (const [name, session] of steered) sessions[name] = session;
  return {
    async restore() {
      for (const [name, stock] of replaced) sessions[name] = stock;
      replaced.clear();
      const released = [...steered.values()].map((session) => session.release());
      steered.clear();
      await Promise.all(released);
    },
  };
}

function sessionsOf(model: StockModel): Record<string, StockSession> {
  const { sessions } = model as { sessions?: Record<string, StockSession> };
  if (typeof sessions === "object" && sessions !== null) return sessions;
  throw new InvalidArgumentError(
    "steer: received something without sessions; expected a model that transformers.js loaded",
  );
}

/** A graph with an edit in it whose inputs are constants: one strength for all rows. */
function withConstants(stock: OnnxModel, { edit, strength }: ActiveEdit): OnnxModel {
  const model = edit.apply(stock);
  const row = {
    strength,
    promptLength: 0,
    pastLength: 0,
    newLength: 0,
    newColumn: 0,
    images: [],
  };
  const feeds = edit.feeds({ rows: [row], steps: 0, columns: 0, inputShape: () => undefined });
  const { graph } = model;
  return changed(model, {
    graph: changed(graph, {
      inputs: graph.inputs.filter(({ name }) => feeds[name] === undefined),
      initializers: [
        ...graph.initializers,
        ...Object.entries(feeds).map(([name, { data, dims }]) => makeTensor(name, dims, data)),
      ],
    }),
  });
}
