/**
 * Adds outputs for hidden states to a stock transformer graph.
 *
 * Numbering follows PyTorch's `output_hidden_states`: 0 is the input of the first layer, i the residual stream after
 * layer i, and in decoders the last one is taken behind the final norm.
 *
 * Tap first and steer afterwards (the stages of {@link applyEdits} see to it): steered layers are not found again.
 */
import { InvalidArgumentError } from "../../errors.js";
import { makeNode, makeTensor, makeValueInfo } from "../build.js";
import { findNormedStream } from "../find-head.js";
import { findLayers } from "../find-layers.js";
import { GraphIndex } from "../graph-index.js";
import {
  changed,
  DataType,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
} from "../graph-model.js";
import { residualStream, withSums } from "../residual-stream.js";
import type { GraphEdit } from "./graph-edit.js";

/** Which hidden states to return. */
export interface HiddenStateOptions {
  /** Numbers 0..L of the states; all when left out. */
  readonly layers?: readonly number[];
  /** "all": [B, S, W]. "last": the last position only, [B, 1, W]. */
  readonly positions: "all" | "last";
  /** Whether a decoder's last state is taken behind the final norm, as PyTorch has it, or before it. Default "normed". */
  readonly last?: "normed" | "raw";
}

/** A graph with hidden-state outputs. */
export interface TappedModel {
  readonly model: OnnxModel;
  /** Output name of each asked state, in the order asked. Fetch these alone when the model's own are not needed. */
  readonly outputs: readonly string[];
  readonly layers: number;
  readonly width: number;
  /** Element type of the outputs: float32, also for float16 models. */
  readonly elemType: number;
}

/**
 * Adds an output `hidden.i` for each asked hidden state. The given model is not touched.
 *
 * @throws InvalidArgumentError when a state is asked for that the graph does not have
 * @throws UnsupportedCapabilityError when layers or residual stream cannot be found
 */
export function addHiddenStates(model: OnnxModel, options: HiddenStateOptions): TappedModel {
  const index = new GraphIndex(model.graph);
  const layers = findLayers(model.graph, index);
  const states = residualStream(layers, index);
  const finalNorm = findNormedStream(index);
  if (finalNorm !== undefined && options.last !== "raw")
    states[layers.length] = { value: finalNorm, node: undefined };
  const asked = options.layers ?? states.map((_, i) => i);
  const width = layers[0]?.width ?? 0;
  const found = asked.map((i) => {
    const state = states[i];
    if (state !== undefined) return state;
    throw new InvalidArgumentError(
      `hidden state ${i}: expected 0 to ${layers.length}, the layers of this graph`,
    );
  });
  const added = asked.flatMap((number, i) =>
    selectPositions(found[i]!.value, `hidden.${number}`, options.positions),
  );
  const sequence = options.positions === "last" ? 1 : "hidden_positions";
  const taps = asked.map((i) =>
    makeValueInfo(`hidden.${i}`, DataType.float32, ["hidden_streams", sequence, width]),
  );
  const graph = changed(model.graph, {
    nodes: [...withSums(model.graph.nodes, found), ...added],
    initializers: [
      ...model.graph.initializers,
      ...(options.positions === "last" ? LAST_POSITION : []),
    ],
    outputs: [...model.graph.outputs, ...taps],
  });
  const outputs = asked.map((i) => `hidden.${i}`);
  return {
    model: changed(model, { graph }),
    outputs,
    layers: layers.length,
    width,
    elemType: DataType.float32,
  };
}

const HIDDEN_STATE = /^hidden\.(\d+)$/;

/** Starts, ends and axes of the slice that keeps the last position. */
const LAST_POSITION: readonly OnnxTensor[] = [
  makeTensor("hidden/last", [1], BigInt64Array.of(-1n)),
  makeTensor("hidden/end", [1], BigInt64Array.of(2n ** 62n)),
  makeTensor("hidden/axis", [1], BigInt64Array.of(1n)),
];

function selectPositions(value: string, output: string, positions: "all" | "last"): OnnxNode[] {
  if (positions === "all")
    return [makeNode("Cast", [value], [output], { attributes: { to: DataType.float32 } })];
  const last = `${output}/last`;
  return [
    makeNode("Slice", [value, "hidden/last", "hidden/end", "hidden/axis"], [last]),
    makeNode("Cast", [last], [output], { attributes: { to: DataType.float32 } }),
  ];
}

/**
 * The edit that returns hidden states. Those of "all" positions are (B, S, W): for probes, not for decoding. Those of
 * the "last" one are (B, 1, W), and a method gets them when their `layers` are named.
 *
 * The states do not depend on a strength. What {@link readHiddenStates} says of the edited graph is what it returns.
 *
 * @throws InvalidArgumentError from `apply`, when a state is asked for that the graph does not have
 */
export function hiddenStatesEdit(
  graph: "vision" | "decoder",
  options: HiddenStateOptions,
): GraphEdit {
  const { positions, layers, last = "normed" } = options;
  const outputs = layers?.map((layer) => `hidden.${layer}`);
  const raw = last === "raw" ? ", before the final norm" : "";
  const key = `hidden states of ${positions} positions: ${layers?.join(", ") ?? "every layer"}${raw}`;
  const edit: GraphEdit = EDITS[graph].get(key) ?? {
    key,
    graph,
    stage: "output",
    apply: (model) => addHiddenStates(model, options).model,
    feeds: () => ({}),
    ...(positions === "last" && outputs !== undefined ? { outputs } : {}),
  };
  EDITS[graph].set(key, edit);
  return edit;
}

/** Equal edits are one value, so that requests which switch them on are decoded together. */
const EDITS = { vision: new Map<string, GraphEdit>(), decoder: new Map<string, GraphEdit>() };

/** The hidden states that a graph returns. */
export interface HiddenStates {
  /** Names of the outputs. */
  readonly outputs: readonly string[];
  /** Number of the state that each output holds, 0 to L. */
  readonly layers: readonly number[];
  readonly width: number;
}

/** Which hidden states {@link addHiddenStates} or {@link hiddenStatesEdit} has made outputs of a graph. */
export function readHiddenStates({ graph }: OnnxModel): HiddenStates {
  const taps = graph.outputs.filter(({ name }) => HIDDEN_STATE.test(name));
  return {
    outputs: taps.map(({ name }) => name),
    layers: taps.map(({ name }) => Number(HIDDEN_STATE.exec(name)?.[1])),
    width: Number(taps[0]?.dims?.[2] ?? 0),
  };
}
