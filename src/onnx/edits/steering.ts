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
import { InvalidArgumentError, UnsupportedCapabilityError } from "../../errors.js";
import { makeNode, makeTensor, makeValueInfo } from "../build.js";
import { findLayers, type TransformerLayer } from "../find-layers.js";
import { GraphIndex } from "../graph-index.js";
import {
  changed,
  DataType,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValueInfo,
} from "../graph-model.js";

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

const PREFIX = "steering";
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
  const layers = findLayers(model.graph);
  const width = layers[0]?.width ?? 0;
  const batch = batchDimension(model);
  const parts = layers.map((layer) => `${PREFIX}/slice_${layer.layer}`);
  const { strengths, directions } = STEERING_INPUTS;
  const axes = batch === undefined ? `${PREFIX}/axes_1` : `${PREFIX}/axes_1_2`;
  const nodes: OnnxNode[] = [
    makeNode("Unsqueeze", [strengths, axes], [`${PREFIX}/alpha`]), // (B, 1, 1)
    makeNode("Mul", [`${PREFIX}/alpha`, `${PREFIX}/tenth`], [`${PREFIX}/strength`]),
    makeNode("Split", [directions, `${PREFIX}/ones`], parts, { attributes: { axis: 0 } }),
  ];
  const index = new GraphIndex(model.graph);
  const rewired = new Map<OnnxNode, OnnxNode>();
  layers.forEach((layer, i) => {
    const part = parts[i] ?? "";
    const direction = batch === undefined ? `${part}/flat` : part;
    if (batch === undefined) {
      nodes.push(makeNode("Squeeze", [part, `${PREFIX}/axis_0`], [direction]));
    }
    const steered = steer(layer, direction, { opset, apart: biasToAddApart(layer, model, index) });
    nodes.push(...steered.nodes);
    const inputs = layer.join.inputs.map((input) =>
      input === steered.replaces ? steered.output : input,
    );
    rewired.set(layer.join, changed(layer.join, { inputs }));
  });
  const graph = changed(model.graph, {
    nodes: insertBeforeUse(model.graph.nodes, rewired, nodes),
    initializers: [...model.graph.initializers, ...constants(layers.length)],
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

/** A bias that steering must add in a node of its own, to the value before it. */
interface BiasApart {
  readonly unbiased: string;
  readonly bias: string;
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

/** What steering adds for one layer, and which input of the residual add its output takes the place of. */
interface SteeredLayer {
  readonly nodes: OnnxNode[];
  readonly replaces: string;
  readonly output: string;
}

/** Nodes that steer one MLP output x [B, S, W] by a unit direction [1, T, W]. */
function steer(
  layer: TransformerLayer,
  direction: string,
  { opset, apart }: { opset: number; apart: BiasApart | undefined },
): SteeredLayer {
  const at = `${PREFIX}/layer_${layer.layer}`;
  const nodes: OnnxNode[] = [];
  const op = (opType: string, inputs: string[], name: string, attributes = {}): string => {
    nodes.push(makeNode(opType, inputs, [`${at}/${name}`], { attributes }));
    return `${at}/${name}`;
  };
  // From operator set 18 on the axes of a reduction are an input.
  const length = (value: string, name: string): string =>
    opset < 18
      ? op("ReduceL2", [value], name, { axes: [-1], keepdims: 1 })
      : op("ReduceL2", [value, `${PREFIX}/last_axis`], name, { keepdims: 1 });
  const half = layer.elemType === DataType.float16;
  const whole =
    apart === undefined ? layer.mlpOutput : op("Add", [apart.unbiased, apart.bias], "with_bias");
  const x = half ? op("Cast", [whole], "float32", { to: DataType.float32 }) : whole;
  const r = length(x, "norm"); // |x|: (B, S, 1)
  const scale = op("Mul", [r, `${PREFIX}/strength`], "scale"); // 0.1 alpha |x|: (B, S, 1)
  const shift = op("Mul", [scale, direction], "shift"); // (B, S, W)
  const z = op("Add", [x, shift], "shifted");
  const zNorm = length(z, "shifted_norm");
  const safe = op("Max", [zNorm, `${PREFIX}/tiny`], "safe_norm"); // x = 0 stays 0
  const ratio = op("Div", [r, safe], "ratio");
  let y = op("Mul", [z, ratio], "steered");
  if (half) y = op("Cast", [y], "float16", { to: DataType.float16 });
  if (apart === undefined) return { nodes, replaces: layer.mlpOutput, output: y };
  // The MLP's own path stays as it was; what steering changes is added to the stream instead: nothing when y = x.
  const change = op("Sub", [y, whole], "change");
  const output = op("Add", [layer.residual, change], "stream");
  return { nodes, replaces: layer.residual, output };
}

function constants(layers: number): OnnxTensor[] {
  return [
    makeTensor(`${PREFIX}/axes_1_2`, [2], BigInt64Array.of(1n, 2n)),
    makeTensor(`${PREFIX}/axes_1`, [1], BigInt64Array.of(1n)),
    makeTensor(`${PREFIX}/axis_0`, [1], BigInt64Array.of(0n)),
    makeTensor(`${PREFIX}/last_axis`, [1], BigInt64Array.of(-1n)),
    makeTensor(`${PREFIX}/tenth`, [], Float32Array.of(0.1)),
    makeTensor(`${PREFIX}/tiny`, [], Float32Array.of(1e-12)),
    makeTensor(`${PREFIX}/ones`, [layers], new BigInt64Array(layers).fill(1n)),
  ];
}

/** Puts added nodes where their inputs exist: a graph must list its nodes in an order of use. */
function insertBeforeUse(
  nodes: readonly OnnxNode[],
  rewired: ReadonlyMap<OnnxNode, OnnxNode>,
  added: readonly OnnxNode[],
): OnnxNode[] {
  const known = new Set(added.flatMap(({ outputs }) => outputs));
  const byOutput = new Map(added.map((node) => [node.outputs[0] ?? "", node]));
  const ordered: OnnxNode[] = [];
  const done = new Set<OnnxNode>();
  const place = (node: OnnxNode): void => {
    if (done.has(node)) return;
    done.add(node);
    for (const input of node.inputs) {
      if (!known.has(input)) continue;
      const source = byOutput.get(input) ?? added.find(({ outputs }) => outputs.includes(input));
      if (source !== undefined) place(source);
    }
    ordered.push(node);
  };
  for (const node of nodes) place(rewired.get(node) ?? node);
  return ordered;
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
