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
import { makeNode, makeTensor, makeValueInfo } from "../build.js";
import { DataType, type OnnxModel } from "../graph-model.js";
import type { EditedRun, EditInput, GraphEdit, LayerRange } from "./graph-edit.js";
import {
  changeMlpOutputs,
  findMlpOutputs,
  lengthConstants,
  rowLength,
  withLength,
} from "./mlp-outputs.js";

const PREFIX = "steering";

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

/** How directions are laid out. */
export interface SteeringOptions {
  /** T: 1 for one direction per layer at all positions (decoders), or the number of positions (vision towers). */
  readonly positions: number;
  /** The layers that are steered; all where left out. */
  readonly layers?: LayerRange | undefined;
}

/**
 * Adds steering at the output of the layers' MLPs. The given model is not touched.
 *
 * Both inputs of {@link STEERING_INPUTS} must then be fed at each run, with directions of unit length (see
 * {@link unitDirections}).
 *
 * @throws UnsupportedCapabilityError when the layers cannot be found, naming the node looked for and what was found
 * @throws InvalidArgumentError when the model has fewer layers than are asked for
 */
export function addSteering(model: OnnxModel, options: SteeringOptions): SteeredModel {
  const { strengths, directions } = STEERING_INPUTS;
  if (model.graph.inputs.some(({ name }) => name === directions)) {
    throw new UnsupportedCapabilityError(
      `looked for a graph that is not steered, found input ${directions}`,
    );
  }
  const outputs = findMlpOutputs(model);
  const { layers, width, batch } = outputs;
  const parts = Array.from({ length: layers }, (_, i) => `${PREFIX}/slice_${i}`);
  const axes = batch === undefined ? `${PREFIX}/axes_1` : `${PREFIX}/axes_1_2`;
  const steered = changeMlpOutputs(outputs, {
    prefix: PREFIX,
    layers: options.layers?.layers(layers),
    inputs: [
      makeValueInfo(directions, DataType.float32, [layers, options.positions, width]),
      makeValueInfo(strengths, DataType.float32, [batch ?? 1]),
    ],
    nodes: [
      makeNode("Unsqueeze", [strengths, axes], [`${PREFIX}/alpha`]), // (B, 1, 1)
      makeNode("Mul", [`${PREFIX}/alpha`, `${PREFIX}/tenth`], [`${PREFIX}/strength`]),
      makeNode("Split", [directions, `${PREFIX}/ones`], parts, { attributes: { axis: 0 } }),
    ],
    constants: [
      makeTensor(`${PREFIX}/axes_1_2`, [2], BigInt64Array.of(1n, 2n)),
      makeTensor(`${PREFIX}/axes_1`, [1], BigInt64Array.of(1n)),
      makeTensor(`${PREFIX}/axis_0`, [1], BigInt64Array.of(0n)),
      makeTensor(`${PREFIX}/tenth`, [], Float32Array.of(0.1)),
      makeTensor(`${PREFIX}/ones`, [layers], new BigInt64Array(layers).fill(1n)),
      ...lengthConstants(PREFIX),
    ],
    of(x, layer, add) {
      const part = parts[layer]!; // (1, T, W)
      const direction =
        batch === undefined ? add("Squeeze", [part, `${PREFIX}/axis_0`], "direction") : part;
      const norm = rowLength(outputs, PREFIX, add, [x, "norm"]); // |x|: (B, S, 1)
      const scale = add("Mul", [norm, `${PREFIX}/strength`], "scale"); // 0.1 alpha |x|: (B, S, 1)
      const shift = add("Mul", [scale, direction], "shift"); // (B, S, W)
      const z = add("Add", [x, shift], "shifted");
      return withLength(outputs, PREFIX, add, { z, norm });
    },
  });
  return { model: steered, layers, width };
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
 * @param only the layers that are steered; all where left out
 * @throws ShapeError when `data` has another length than the sizes say, and from `apply` when the graph has other sizes
 * @throws InvalidArgumentError when a number is not finite, and from `feeds` when rows that the graph does not tell
 * apart differ in strength
 */
export function steeringEdit(
  graph: "vision" | "decoder",
  { layers, positions, width, data }: SteeringEditDirections,
  only?: LayerRange,
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
    key: `steering ${layers}x${positions}x${width}${only === undefined ? "" : ` in layers ${only.text}`}`,
    graph,
    stage: "residual",
    apply(model) {
      const steered = addSteering(model, { positions, layers: only });
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
