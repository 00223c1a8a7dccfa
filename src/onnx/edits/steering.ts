/**
 * Adds steering to a stock transformer graph: at the output of every layer's MLP, before the residual add,
 *
 *     x <- normalize(normalize(x) + 0.1 * alpha * normalize(d)) * |x|
 *
 * (visual and textual intervention). Directions d and strengths alpha become true inputs of the graph, so one session
 * serves every direction, and each stream of a batch may be steered on its own.
 *
 * With u = 0.1 * alpha * normalize(d) and r = |x| the same is z * (r / |z|) for z = x + r u. In this form a strength of
 * zero gives back x exactly: z = x, the two norms are the same number, and their quotient is 1.
 *
 * @see VTI, arXiv 2410.15778, section 4, and the authors' layer
 */
import { InvalidArgumentError, ShapeError, UnsupportedCapabilityError } from "../../errors.js";
import { makeNode, makeValueInfo } from "../build.js";
import { findLayers, type TransformerLayer } from "../find-layers.js";
import { GraphIndex } from "../graph-index.js";
import {
  changed,
  DataType,
  type OnnxModel,
  type OnnxNode,
  type OnnxValueInfo,
} from "../graph-model.js";
import { insertBeforeUse } from "../insert-before-use.js";
import { readBy } from "../remove-unused.js";
import type { EditedRun, EditInput, GraphEdit } from "./graph-edit.js";
import {
  type BiasApart,
  STEERING_PREFIX,
  steeringConstants,
  steerLayer,
} from "./steering-nodes.js";

/** Names of the inputs that {@link addSteering} adds. */
export const STEERING_INPUTS: { readonly directions: string; readonly strengths: string } = {
  /** float32 [L, T, W]: unit directions per layer, T as in {@link SteeringOptions}. */
  directions: "steering.directions",
  /** float32 [B]: alpha of each row of the batch; 0 leaves a row as it is. [1] where a graph has no batch axis. */
  strengths: "steering.strengths",
};

/** A graph with steering inputs. */
export interface SteeredModel {
  readonly model: OnnxModel;
  /** Number of layers L, which is the first axis of the directions. */
  readonly layers: number;
  /** Width W of the residual stream, which is the last axis of the directions. */
  readonly width: number;
}

const MAIN_INPUT = /^(inputs_embeds|input_ids|pixel_values)$/;

/** How directions are laid out. */
export interface SteeringOptions {
  /** T: 1 for one direction per layer at all positions (decoders), or the number of positions (vision towers). */
  readonly positions: number;
}

/**
 * Adds steering at the output of each layer's MLP. The given model is not touched.
 *
 * Both inputs of {@link STEERING_INPUTS} must then be fed at each run, with directions of unit length (see
 * {@link unitDirections}).
 *
 * @throws UnsupportedCapabilityError when the layers cannot be found, naming the node looked for and what was found
 */
export function addSteering(model: OnnxModel, options: SteeringOptions): SteeredModel {
  const opset =
    model.opsets.find(({ domain }) => domain === "" || domain === "ai.onnx")?.version ?? 0;
  if (opset < 13) {
    throw new UnsupportedCapabilityError(
      `steering needs operator set 13 or later, found ${opset}: export the model again`,
    );
  }
  const { strengths, directions } = STEERING_INPUTS;
  if (model.graph.inputs.some(({ name }) => name === directions)) {
    throw new UnsupportedCapabilityError(
      `looked for a graph that is not steered, found input ${directions}`,
    );
  }
  const layers = findLayers(model.graph);
  const width = layers[0]?.width ?? 0;
  const batch = batchDimension(model);
  const parts = layers.map((layer) => `${STEERING_PREFIX}/slice_${layer.layer}`);
  const axes = batch === undefined ? `${STEERING_PREFIX}/axes_1` : `${STEERING_PREFIX}/axes_1_2`;
  const nodes: OnnxNode[] = [
    makeNode("Unsqueeze", [strengths, axes], [`${STEERING_PREFIX}/alpha`]), // (B, 1, 1)
    makeNode(
      "Mul",
      [`${STEERING_PREFIX}/alpha`, `${STEERING_PREFIX}/tenth`],
      [`${STEERING_PREFIX}/strength`],
    ),
    makeNode("Split", [directions, `${STEERING_PREFIX}/ones`], parts, { attributes: { axis: 0 } }),
  ];
  const index = new GraphIndex(model.graph);
  const rewired = new Map<OnnxNode, OnnxNode>();
  layers.forEach((layer, i) => {
    const part = parts[i] ?? "";
    const direction = batch === undefined ? `${part}/flat` : part;
    if (batch === undefined) {
      nodes.push(makeNode("Squeeze", [part, `${STEERING_PREFIX}/axis_0`], [direction]));
    }
    const steered = steerLayer(layer, direction, {
      opset,
      apart: biasToAddApart(layer, model, index),
    });
    nodes.push(...steered.nodes);
    const inputs = layer.join.inputs.map((input) =>
      input === steered.replaces ? steered.output : input,
    );
    rewired.set(layer.join, changed(layer.join, { inputs }));
  });
  const graph = changed(model.graph, {
    nodes: insertBeforeUse(model.graph.nodes, rewired, nodes),
    initializers: [...model.graph.initializers, ...readBy(nodes, steeringConstants(layers.length))],
    inputs: [
      ...model.graph.inputs,
      makeValueInfo(directions, DataType.float32, [layers.length, options.positions, width]),
      makeValueInfo(strengths, DataType.float32, [batch ?? 1]),
    ],
  });
  return { model: changed(model, { graph }), layers: layers.length, width };
}

/**
 * The size or symbol of the batch axis, which the strengths must share: were it another symbol, shapes behind the
 * steering would be unknown, the runtime would fuse fewer operators than in the stock graph and round differently.
 * Undefined for towers that take all patches of all images as rows (Qwen2-VL), where streams have no rank of their own.
 */
function batchDimension(model: OnnxModel): number | string | undefined {
  const main = mainInput(model);
  const rank = main?.dims?.length ?? 0;
  const isIds = main?.elemType === DataType.int64 || main?.elemType === DataType.int32;
  if (rank === 2 && !isIds) return undefined;
  return (rank <= 4 ? main?.dims?.[0] : undefined) ?? "steering_streams";
}

function mainInput(model: OnnxModel): OnnxValueInfo | undefined {
  const { inputs } = model.graph;
  return inputs.find(({ name }) => MAIN_INPUT.test(name)) ?? inputs[0];
}

/**
 * Where bias, residual add and norm are, or will be, one fused operator, the chain between them must stay as it is.
 * The runtime fuses them behind the last layer of a tower, where the sum is read by the norm alone; with static shapes
 * it merges product and bias first instead, and then the biased value can be read as it is.
 */
function biasToAddApart(
  layer: TransformerLayer,
  model: OnnxModel,
  index: GraphIndex,
): BiasApart | undefined {
  if (layer.pendingBias !== undefined) {
    return { unbiased: layer.mlpOutput, bias: layer.pendingBias };
  }
  const readers = index.consumers(layer.join.outputs[0] ?? "");
  const willFuse = readers.length === 1 && readers[0]?.opType === "LayerNormalization";
  const isStatic = mainInput(model)?.dims?.every((dim) => typeof dim === "number") ?? false;
  return willFuse && !isStatic ? layer.biasAdd : undefined;
}

/**
 * Scales directions to unit length, as {@link STEERING_INPUTS} wants them; a zero direction stays zero.
 *
 * @param directions rows of `width` numbers; not touched
 * @throws InvalidArgumentError when the length is no multiple of the width or a number is not finite
 */
export function unitDirections(directions: Float32Array, width: number): Float32Array {
  if (directions.length % width !== 0) {
    throw new InvalidArgumentError(
      `directions: received ${directions.length} numbers, expected rows of ${width}`,
    );
  }
  const unit = new Float32Array(directions.length);
  for (let start = 0; start < directions.length; start += width) {
    let sum = 0;
    for (let i = start; i < start + width; i++) sum += (directions[i] ?? 0) ** 2;
    if (!Number.isFinite(sum)) {
      throw new InvalidArgumentError(
        `directions: row ${start / width} holds a number that is not finite`,
      );
    }
    const norm = Math.max(Math.sqrt(sum), 1e-12);
    for (let i = start; i < start + width; i++) unit[i] = (directions[i] ?? 0) / norm;
  }
  return unit;
}

/** Directions for the layers of one graph, of any length: only where they point counts. */
export interface SteeringEditDirections {
  readonly layers: number;
  /** 1 for a direction per layer (decoder), or one per image position (vision tower). */
  readonly positions: number;
  readonly width: number;
  /** (layers, positions, width); not touched */
  readonly data: Float32Array;
}

/**
 * The edit that steers a graph, each row by its own strength: alpha of the vision tower, beta of the decoder. Strength
 * 0 leaves a row as it is, bit for bit.
 *
 * @throws ShapeError when `data` has another length than the sizes say, and from `apply` when the graph has other sizes
 * @throws InvalidArgumentError when a number is not finite, and from `feeds` when rows that the graph does not tell
 * apart differ in strength
 */
export function steeringEdit(
  graph: "vision" | "decoder",
  { layers, positions, width, data }: SteeringEditDirections,
): GraphEdit {
  const part = graph === "vision" ? "image" : "text";
  if (data.length !== layers * positions * width) {
    throw new ShapeError(
      `${part} directions: received ${data.length} numbers; expected ${layers} layers x ${positions} positions x width ${width}`,
    );
  }
  const directions: EditInput = {
    data: unitDirections(data, width),
    dims: [layers, positions, width],
  };
  return {
    key: `steering ${layers}x${positions}x${width}`,
    graph,
    stage: "residual",
    apply(model) {
      const steered = addSteering(model, { positions });
      if (steered.layers === layers && steered.width === width) return steered.model;
      throw new ShapeError(
        `${part} directions: received ${layers} layers of width ${width}; expected ${steered.layers} of width ${steered.width}, as the model has`,
      );
    },
    feeds: (run) => ({
      [STEERING_INPUTS.directions]: directions,
      [STEERING_INPUTS.strengths]: strengthInput(run),
    }),
  };
}

/** One strength per row, or the one strength of all rows where the graph takes no more: towers without a batch axis. */
function strengthInput({ rows, inputShape }: EditedRun): EditInput {
  const strengths = rows.map(({ strength }) => strength);
  const isOne = inputShape(STEERING_INPUTS.strengths)?.[0] === 1;
  if (isOne && strengths.some((strength) => strength !== strengths[0])) {
    throw new InvalidArgumentError(
      `strengths: received ${strengths.join(", ")}; expected one for all rows, as the graph takes them together`,
    );
  }
  const data = Float32Array.from(isOne ? strengths.slice(0, 1) : strengths);
  return { data, dims: [data.length] };
}
