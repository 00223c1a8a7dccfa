/**
 * Adds the logit lens over image tokens to a decoder: what its head would make of the residual stream there, behind each
 * asked layer N.
 *
 *     lens.N  (B, P, K)   ln softmax(head(norm(h_N)))  at P positions, of K asked tokens
 *
 * Final norm and head are copied as for early exits, and their logits over the whole vocabulary reduced within the graph.
 * Layers are numbered as hidden states are. The norm stands before the head for all layers, as where it was trained; the
 * authors' code has it behind the last layer alone.
 *
 * @see Jiang et al. 2025, Interpreting and Editing Vision-Language Representations, arXiv 2410.02762, section 3
 */
import { InvalidArgumentError, UnsupportedCapabilityError } from "../../errors.js";
import { makeNode, makeTensor, makeValueInfo } from "../build.js";
import { copyHead, findHeadOfStream, type HeadOfStream, stateBehind } from "../copy-head.js";
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
import type { EditedRun, EditInput, GraphEdit } from "./graph-edit.js";

const PREFIX = "lens";
const POSITIONS = `${PREFIX}.positions`;
const TOKENS = `${PREFIX}.tokens`;

/** The output of the lens behind a layer. */
export function logitLensOutput(layer: number): string {
  return `${PREFIX}.${layer}`;
}

/** The layers whose lens a graph gives, ascending, by the names of its outputs. */
export function lensLayers(outputs: readonly string[]): number[] {
  const numbers = outputs.map((name) => /^lens\.(\d+)$/.exec(name)?.[1]);
  return numbers
    .flatMap((number) => number ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/**
 * Adds the outputs of the asked layers. The given model is not touched.
 *
 * @param layers 0 to L; all where left out
 * @throws ShapeError when the graph has fewer layers
 * @throws UnsupportedCapabilityError when layers, residual stream or head cannot be found, or the head reads the last
 * position alone
 */
export function addLogitLens(model: OnnxModel, layers?: readonly number[]): OnnxModel {
  const { graph } = model;
  const index = new GraphIndex(graph);
  const found = findHeadOfStream(index);
  refuseOnePosition(found, index);
  const asked = layers ?? found.states.map((_, layer) => layer);
  const states = asked.map((layer) => stateBehind(layer, found.states, "logit lens"));
  const opset = model.opsets.find(({ domain }) => domain === "" || domain === "ai.onnx");
  const isOld = (opset?.version ?? 0) < 18;
  const added = asked.flatMap((layer, i) =>
    lensNodes(logitLensOutput(layer), states[i]!, found, isOld),
  );
  const batch = index.output("logits")?.dims?.[0] ?? null;
  return changed(model, {
    graph: changed(graph, {
      nodes: [...withSums(graph.nodes, states), ...added],
      initializers: [...graph.initializers, ...readBy(added, CONSTANTS)],
      inputs: [
        ...graph.inputs,
        makeValueInfo(POSITIONS, DataType.int64, ["lens_positions"]),
        makeValueInfo(TOKENS, DataType.int64, ["lens_tokens"]),
      ],
      outputs: [
        ...graph.outputs,
        ...asked.map((layer) =>
          makeValueInfo(logitLensOutput(layer), DataType.float32, [
            batch,
            "lens_positions",
            "lens_tokens",
          ]),
        ),
      ],
    }),
  });
}

function refuseOnePosition({ head: { cut } }: HeadOfStream, index: GraphIndex): void {
  const isFlat = index.output("logits")?.dims?.length === 2;
  if (!isFlat && (cut === undefined || cut.isMovable)) return;
  const found = cut === undefined ? "logits (B, V)" : `${cut.node.opType} "${cut.node.name}"`;
  throw new UnsupportedCapabilityError(
    `logit lens: looked for a head that can read any position, found ${found}, which leaves it the last one; export the decoder with all logits or num_logits_to_keep`,
  );
}

function lensNodes(
  output: string,
  { value }: ResidualState,
  found: HeadOfStream,
  isOld: boolean,
): OnnxNode[] {
  const stream = `${output}/stream`;
  const { nodes, logits } = copyHead(found, output, stream, found.head.cut?.node);
  const float = `${output}/float`;
  const sum = `${output}/sum`;
  const reduced = isOld
    ? makeNode("ReduceLogSumExp", [float], [sum], { attributes: { axes: [-1], keepdims: 1 } })
    : makeNode("ReduceLogSumExp", [float, LAST], [sum], { attributes: { keepdims: 1 } });
  return [
    makeNode("Gather", [value, POSITIONS], [stream], { attributes: { axis: 1 } }), // (B, P, W)
    ...nodes,
    makeNode("Cast", [logits], [float], { attributes: { to: DataType.float32 } }), // (B, P, V)
    reduced, // (B, P, 1)
    makeNode("Gather", [float, TOKENS], [`${output}/asked`], { attributes: { axis: 2 } }), // (B, P, K)
    makeNode("Sub", [`${output}/asked`, sum], [output]),
  ];
}

const LAST = `${PREFIX}/last_axis`;
const CONSTANTS: readonly OnnxTensor[] = [makeTensor(LAST, [1], BigInt64Array.of(-1n))];

/**
 * The edit that gives the logit lens over image tokens, as outputs `lens.N` ({@link logitLensOutput}). For probes, whose
 * runs have one row and its whole prompt; it does not depend on a strength.
 *
 * @param tokens ids that are asked about; they are fed, and make no other graph
 * @param layers 0 to L; all where left out
 * @throws InvalidArgumentError when there is no token, or a layer is no whole number from 0 on
 * @throws ShapeError and UnsupportedCapabilityError from `apply`, as {@link addLogitLens}
 */
export function logitLensEdit(tokens: readonly number[], layers?: readonly number[]): GraphEdit {
  const wrong = layers?.find((layer) => !Number.isInteger(layer) || layer < 0);
  if (wrong !== undefined || layers?.length === 0) {
    throw new InvalidArgumentError(
      `logit lens: received ${wrong ?? "no layer"}; expected layers, whole numbers from 0 on`,
    );
  }
  if (tokens.length === 0) {
    throw new InvalidArgumentError("logit lens: received no token; expected some to ask about");
  }
  const asked = layers && [...new Set(layers)].sort((a, b) => a - b);
  return {
    key: `logit lens behind ${asked === undefined ? "every layer" : `layers ${asked.join(", ")}`}`,
    graph: "decoder",
    stage: "output",
    apply: (model) => addLogitLens(model, asked),
    feeds: (run) => ({ [POSITIONS]: integers(imagePositions(run)), [TOKENS]: integers(tokens) }),
  };
}

/** The image's positions among the new tokens of the run. */
function imagePositions({ rows: [row] }: EditedRun): number[] {
  return row!.images.flatMap(({ start, end }) =>
    Array.from({ length: end - start }, (_, i) => start + i - row!.pastLength),
  );
}

function integers(values: readonly number[]): EditInput {
  return { data: BigInt64Array.from(values, BigInt), dims: [values.length] };
}
