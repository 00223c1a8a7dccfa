/**
 * Adds logits read behind earlier layers of a decoder ("early exits", the logit lens), as DoLa contrasts them.
 *
 * The nodes between the residual stream behind the last layer and the logits, final norm and head among them, are
 * copied for each asked layer N and fed with the stream behind layer N; the copies read the same weights. Layers are
 * numbered as hidden states are, 0 being the stream before the first layer; behind the last one stand the model's own
 * logits once more.
 *
 * @see DoLa, arXiv 2309.03883, section 2
 */
import { InvalidArgumentError } from "../../errors.js";
import { makeNode, makeTensor, makeValueInfo } from "../build.js";
import {
  copyHead,
  findHeadOfStream,
  type HeadOfStream,
  nameWithin,
  stateBehind,
} from "../copy-head.js";
import type { LanguageHead } from "../find-head.js";
import { GraphIndex } from "../graph-index.js";
import {
  changed,
  DataType,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
} from "../graph-model.js";
import { readBy } from "../remove-unused.js";
import { type ResidualState, withSums } from "../residual-stream.js";
import type { GraphEdit } from "./graph-edit.js";

const PREFIX = "early_exit";

/** The output of an early exit: float32 (B, V), raw logits of the token after the last position. */
export function earlyExitOutput(layer: number): string {
  return `early.${layer}`;
}

/**
 * Adds an output `early.N` for each asked layer N; one that is there already stays. The given model is not touched.
 *
 * With dynamically quantized weights the exit behind the last layer equals the logits only where both are computed of
 * the same positions, as one scale is taken for all: where the graph keeps all logits, they differ by its rounding.
 *
 * @param layers 0 to L
 * @throws ShapeError when the graph has fewer layers
 * @throws UnsupportedCapabilityError when layers, residual stream or head cannot be found
 */
export function addEarlyExits(model: OnnxModel, layers: readonly number[]): OnnxModel {
  const { graph } = model;
  const index = new GraphIndex(graph);
  const found = findHeadOfStream(index);
  const logits = index.output("logits");
  const exits = layers
    .filter((layer) => index.output(earlyExitOutput(layer)) === undefined)
    .map((layer) => ({ layer, state: stateBehind(layer, found.states, "early exits") }));
  const form = {
    ...found,
    isFlat: logits?.dims?.length === 2,
    elemType: logits?.elemType ?? DataType.float32,
  };
  const outputs = exits.map(({ layer }) =>
    makeValueInfo(earlyExitOutput(layer), DataType.float32, [
      logits?.dims?.[0] ?? null,
      logits?.dims?.at(-1) ?? null,
    ]),
  );
  const nodes = withSums(
    graph.nodes,
    exits.map(({ state }) => state),
  );
  const added = exits.flatMap(({ layer, state }) => exitNodes(earlyExitOutput(layer), state, form));
  return changed(model, {
    graph: changed(graph, {
      nodes: [...nodes, ...added],
      initializers: [...graph.initializers, ...constants(index, added)],
      outputs: [...graph.outputs, ...outputs],
    }),
  });
}

/** What all exits of a graph have in common. */
interface ExitForm extends HeadOfStream {
  /** Whether the logits are (B, V), not (B, n, V). */
  readonly isFlat: boolean;
  readonly elemType: number;
}

/** Copies final norm and head for one stream (B, S, W) -> logits (B, V) of its last position. */
function exitNodes(output: string, state: ResidualState, form: ExitForm): OnnxNode[] {
  const { head, isFlat, elemType } = form;
  const { stream, before } = cutStream(output, state, head);
  const moved = before.length > 0 ? head.cut?.node : undefined;
  const { nodes, logits } = copyHead(form, output, stream, moved);
  const flat = `${output}/last_logits`;
  return [
    ...before,
    ...nodes,
    isFlat
      ? makeNode("Identity", [logits], [flat])
      : makeNode("Gather", [logits, `${PREFIX}/at_last`], [flat], { attributes: { axis: 1 } }),
    elemType === DataType.float32
      ? makeNode("Identity", [flat], [output])
      : makeNode("Cast", [flat], [output], { attributes: { to: DataType.float32 } }),
  ];
}

/**
 * Cuts out, before the norm, the positions that the graph's own head reads, or the last one where that reads all. Where
 * the graph's cut cannot come first, it stays where it is.
 *
 * Were the norm of all positions copied, the runtime would find it equal to the next layer's, share the common part and
 * no longer fuse either: the model's own logits would be rounded differently.
 */
function cutStream(
  output: string,
  { value }: ResidualState,
  { cut }: LanguageHead,
): { stream: string; before: OnnxNode[] } {
  const stream = `${output}/stream`;
  if (cut === undefined) {
    const last = ["last", "end", "axis"].map((name) => `${PREFIX}/${name}`);
    return { stream, before: [makeNode("Slice", [value, ...last], [stream])] };
  }
  if (!cut.isMovable) return { stream: value, before: [] };
  const { node } = cut;
  const inputs = [value, ...node.inputs.slice(1)];
  const moved = changed(node, { name: nameWithin(output, node), inputs, outputs: [stream] });
  return { stream, before: [moved] };
}

/** The constants that added nodes read and that the graph does not hold yet. */
function constants(index: GraphIndex, added: readonly OnnxNode[]): OnnxTensor[] {
  const tensors = [
    makeTensor(`${PREFIX}/last`, [1], BigInt64Array.of(-1n)),
    makeTensor(`${PREFIX}/end`, [1], BigInt64Array.of(2n ** 62n)),
    makeTensor(`${PREFIX}/axis`, [1], BigInt64Array.of(1n)),
    makeTensor(`${PREFIX}/at_last`, [], BigInt64Array.of(-1n)),
  ];
  return readBy(added, tensors).filter(({ name }) => index.initializer(name) === undefined);
}

/**
 * The edit that returns logits read behind layers of a decoder, as outputs `early.N` of (B, V). They do not depend on a
 * strength. Two such edits go together, also where they share layers.
 *
 * @param layers 0 to L, in any order
 * @throws InvalidArgumentError when a layer is no whole number from 0 on
 * @throws ShapeError from `apply`, when the graph has fewer layers
 */
export function earlyExitEdit(layers: readonly number[]): GraphEdit {
  const wrong = layers.find((layer) => !Number.isInteger(layer) || layer < 0);
  if (wrong !== undefined || layers.length === 0) {
    throw new InvalidArgumentError(
      `early exits: received ${wrong ?? "no layer"}; expected layers, whole numbers from 0 on`,
    );
  }
  const asked = [...new Set(layers)].sort((a, b) => a - b);
  const key = `early exits behind layers ${asked.join(", ")}`;
  const edit = EDITS.get(key) ?? {
    key,
    graph: "decoder",
    stage: "output",
    apply: (model) => addEarlyExits(model, asked),
    feeds: () => ({}),
    outputs: asked.map(earlyExitOutput),
  };
  EDITS.set(key, edit);
  return edit;
}

/** Equal edits are one value, so that requests which switch them on are decoded together. */
const EDITS = new Map<string, GraphEdit>();
