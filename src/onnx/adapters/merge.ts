import { ModelLoadError } from "../../errors.js";
import { fromFloat16, toFloat16 } from "../../math/half.js";
import { addLowRank, transposed } from "../../math/low-rank.js";
import { makeTensor } from "../build.js";
import { changed, DataType, type OnnxModel, type OnnxTensor } from "../graph-model.js";
import { removeUnused } from "../remove-unused.js";
import type { ModuleUpdate } from "./adapter.js";
import { findWeights, type LinearWeight, WEIGHT_INPUT } from "./find-weight.js";

/** Merged weights by the first output of the node that reads them. */
export type MergedWeights = ReadonlyMap<string, OnnxTensor>;

/**
 * Makes the weights that an adapter changes: W + scale B A, in the type and the layout in which the graph's node reads
 * them.
 *
 * @param readData the little-endian bytes of a tensor's data, wherever they lie
 * @throws ModelLoadError naming the module that does not fit the graph
 */
export async function mergeWeights(
  { graph }: OnnxModel,
  updates: readonly ModuleUpdate[],
  readData: (tensor: OnnxTensor) => Promise<Uint8Array>,
): Promise<MergedWeights> {
  const merged = new Map<string, OnnxTensor>();
  // One by one: a matrix in float32 is there besides the merged ones.
  for (const [i, weight] of findWeights(graph, updates).entries()) {
    const tensor = merge(weight, updates[i]!, await readData(weight.stored));
    merged.set(weight.node.outputs[0]!, tensor);
  }
  return merged;
}

/** The graph with merged weights in place of its own; those that nothing reads any more are dropped. */
export function withWeights(model: OnnxModel, merged: MergedWeights): OnnxModel {
  const nodes = model.graph.nodes.map((node) => {
    const weight = merged.get(node.outputs[0] ?? "");
    if (weight === undefined) return node;
    return changed(node, { inputs: node.inputs.with(WEIGHT_INPUT, weight.name) });
  });
  const initializers = [...model.graph.initializers, ...merged.values()];
  const rewired = changed(model.graph, { nodes, initializers });
  const isFlat = nodes.every(({ attributes }) =>
    attributes.every(({ value }) => value?.kind !== "graph"),
  );
  const graph = isFlat ? removeUnused(rewired) : rewired;
  // Old graphs list initializers among their inputs; without its initializer one would have to be fed.
  const kept = new Set(graph.initializers.map(({ name }) => name));
  const stored = new Set(model.graph.initializers.map(({ name }) => name));
  const inputs = graph.inputs.filter(({ name }) => kept.has(name) || !stored.has(name));
  return changed(model, { graph: changed(graph, { inputs }) });
}

function merge(
  { stored, isTurned, isOutputsFirst, elemType }: LinearWeight,
  { name, path, rank, inputs, outputs, a, b, scale }: ModuleUpdate,
  data: Uint8Array,
): OnnxTensor {
  const values = asFloat32(data, stored.dataType);
  const weight = isTurned ? transposed(values, stored.dims[0]!) : values;
  // (outputs, inputs): W + s B A; (inputs, outputs): its transpose, W' + s A' B'.
  const sum = isOutputsFirst
    ? addLowRank(weight, b, a, scale, rank)
    : addLowRank(weight, transposed(a, rank), transposed(b, outputs), scale, rank);
  const halves = elemType === DataType.float16 ? toFloat16(sum) : undefined;
  if (!(halves === undefined ? sum : fromFloat16(halves)).every(Number.isFinite))
    throw new ModelLoadError(`${name}: its merged weight holds numbers that are not finite`);
  const dims = isOutputsFirst ? [outputs, inputs] : [inputs, outputs];
  return makeTensor(`${path}.weight.adapted`, dims, halves ?? sum);
}

function asFloat32(data: Uint8Array, dataType: number): Float32Array {
  // A copy, since the data need not be aligned.
  const { buffer } = new Uint8Array(data);
  return dataType === DataType.float16
    ? fromFloat16(new Uint16Array(buffer))
    : new Float32Array(buffer);
}
