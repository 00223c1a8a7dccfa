/**
 * Changes what the layers' MLPs add to the residual stream. Several changes of one graph stand one behind the other, each
 * working on what those before it have made.
 */
import { UnsupportedCapabilityError } from "../../errors.js";
import { type AttributeInput, makeNode, makeTensor } from "../build.js";
import { findLayers, type TransformerLayer } from "../find-layers.js";
import { GraphIndex } from "../graph-index.js";
import {
  changed,
  DataType,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValueInfo,
} from "../graph-model.js";
import { insertBeforeUse } from "../insert-before-use.js";
import { readBy } from "../remove-unused.js";

const MAIN_INPUT = /^(inputs_embeds|input_ids|pixel_values)$/;

/** A bias that must be added in a node of its own, to the value before it. */
interface BiasApart {
  readonly unbiased: string;
  readonly bias: string;
}

/** Where an MLP's output is added to the residual stream. */
interface MlpEnd {
  readonly layer: TransformerLayer;
  /** The residual add as it now is. */
  readonly join: OnnxNode;
  readonly apart: BiasApart | undefined;
  /** The MLP's output, bias and earlier changes included; undefined where a bias apart was not added yet. */
  readonly value: string | undefined;
  /** The input of the add that a change takes the place of: the output, or the stream where the bias is apart. */
  readonly replaces: string;
}

/** A graph's layers, ready to be changed. */
export interface MlpOutputs {
  readonly model: OnnxModel;
  readonly ends: readonly MlpEnd[];
  /** Number of layers L, and width W of the residual stream. */
  readonly layers: number;
  readonly width: number;
  /** Of ONNX's own operators. */
  readonly opset: number;
  /**
   * The size or symbol of the batch axis, which inputs with a row for each stream must share: were it another symbol,
   * shapes behind the change would be unknown, the runtime would fuse fewer operators than in the stock graph and round
   * differently. Undefined for towers that take all patches of all images as rows (Qwen2-VL), where streams have no rank
   * of their own.
   */
  readonly batch: number | string | undefined;
}

/** Adds a node of the layer that is changed, and returns its output. */
export type AddNode = (
  opType: string,
  inputs: readonly string[],
  name: string,
  attributes?: Readonly<Record<string, AttributeInput>>,
) => string;

/** What a change adds to a graph. */
export interface MlpChange {
  /** What the names of its values begin with. */
  readonly prefix: string;
  readonly inputs: readonly OnnxValueInfo[];
  /** Nodes that all layers share. */
  readonly nodes: readonly OnnxNode[];
  /** Those that nothing reads are left out. */
  readonly constants: readonly OnnxTensor[];
  /** The layers that are changed, counted from 0; all where left out. */
  readonly layers?: readonly number[] | undefined;
  /** Makes, of the float32 output x (B, S, W) of a layer's MLP, what is added instead. */
  readonly of: (x: string, layer: number, add: AddNode) => string;
}

/** The layers of graphs that were changed: their outputs are no longer where exporters put them. */
const CHANGED = new WeakMap<OnnxGraph, readonly MlpEnd[]>();

/** @throws UnsupportedCapabilityError when the layers cannot be found, naming what was looked for and what was found */
export function findMlpOutputs(model: OnnxModel): MlpOutputs {
  const { graph, opsets } = model;
  const opset = opsets.find(({ domain }) => domain === "" || domain === "ai.onnx")?.version ?? 0;
  if (opset < 13) {
    throw new UnsupportedCapabilityError(
      `steering needs operator set 13 or later, found ${opset}: export the model again`,
    );
  }
  const ends = CHANGED.get(graph) ?? findEnds(model);
  const width = ends[0]?.layer.width ?? 0;
  return { model, ends, layers: ends.length, width, opset, batch: batchDimension(model) };
}

/** The graph with a change of its layers' MLP outputs; the given one is not touched. */
export function changeMlpOutputs({ model, ends }: MlpOutputs, change: MlpChange): OnnxModel {
  const { graph } = model;
  const nodes: OnnxNode[] = [...change.nodes];
  const rewired = new Map<OnnxNode, OnnxNode>();
  const asked = new Set(change.layers ?? ends.map((_, i) => i));
  const now = ends.map((end, i) => {
    if (!asked.has(i)) return end;
    const next = changeOne(end, i, change, nodes);
    rewired.set(end.join, next.join);
    return next;
  });
  const edited = changed(graph, {
    nodes: insertBeforeUse(graph.nodes, rewired, nodes),
    initializers: [...graph.initializers, ...readBy(nodes, change.constants)],
    inputs: [...graph.inputs, ...change.inputs],
  });
  CHANGED.set(edited, now);
  return changed(model, { graph: edited });
}

function changeOne(
  { layer, join, apart, value, replaces }: MlpEnd,
  number: number,
  { prefix, of }: MlpChange,
  nodes: OnnxNode[],
): MlpEnd {
  const at = `${prefix}/layer_${layer.layer}`;
  const add: AddNode = (opType, inputs, name, attributes = {}) => {
    nodes.push(makeNode(opType, [...inputs], [`${at}/${name}`], { attributes }));
    return `${at}/${name}`;
  };
  const half = layer.elemType === DataType.float16;
  const whole = value ?? add("Add", [apart!.unbiased, apart!.bias], "with_bias");
  const x = half ? add("Cast", [whole], "float32", { to: DataType.float32 }) : whole;
  const made = of(x, number, add);
  const y = half ? add("Cast", [made], "float16", { to: DataType.float16 }) : made;
  // Where the bias is apart, the MLP's own path stays as it was; what changes is added to the stream: nothing when y = x.
  const output =
    apart === undefined ? y : add("Add", [replaces, add("Sub", [y, whole], "change")], "stream");
  const inputs = join.inputs.map((input) => (input === replaces ? output : input));
  return { layer, join: changed(join, { inputs }), apart, value: y, replaces: output };
}

/** |x| of each row of x, (B, S, W) -> (B, S, 1); reads {@link lengthConstants} of the same prefix. */
export function rowLength(
  { opset }: Pick<MlpOutputs, "opset">,
  prefix: string,
  add: AddNode,
  [x, name]: readonly [value: string, name: string],
): string {
  // From operator set 18 on the axes of a reduction are an input.
  return opset < 18
    ? add("ReduceL2", [x], name, { axes: [-1], keepdims: 1 })
    : add("ReduceL2", [x, `${prefix}/last_axis`], name, { keepdims: 1 });
}

/**
 * z (B, S, W) with rows of the length that those of x have: what turns x without making it longer. When z = x, bit for bit
 * x; rows of zeros stay zero.
 *
 * @param norm |x|, (B, S, 1)
 */
export function withLength(
  outputs: Pick<MlpOutputs, "opset">,
  prefix: string,
  add: AddNode,
  { z, norm }: { readonly z: string; readonly norm: string },
): string {
  const length = rowLength(outputs, prefix, add, [z, "shifted_norm"]);
  const safe = add("Max", [length, `${prefix}/tiny`], "safe_norm");
  const ratio = add("Div", [norm, safe], "ratio");
  return add("Mul", [z, ratio], "steered");
}

/** What {@link rowLength} and {@link withLength} read. */
export function lengthConstants(prefix: string): OnnxTensor[] {
  return [
    makeTensor(`${prefix}/last_axis`, [1], BigInt64Array.of(-1n)),
    makeTensor(`${prefix}/tiny`, [], Float32Array.of(1e-12)),
  ];
}

function findEnds(model: OnnxModel): MlpEnd[] {
  const index = new GraphIndex(model.graph);
  return findLayers(model.graph, index).map((layer) => {
    const apart = biasToAddApart(layer, model, index);
    return apart === undefined
      ? { layer, join: layer.join, apart, value: layer.mlpOutput, replaces: layer.mlpOutput }
      : { layer, join: layer.join, apart, value: undefined, replaces: layer.residual };
  });
}

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
