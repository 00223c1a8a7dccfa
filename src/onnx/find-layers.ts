/**
 * Finds the transformer layers of an exported graph: where each MLP ends and where the residual stream passes.
 *
 * The last projection of a layer's MLP is found by the name that exporters keep from the PyTorch module (of the node,
 * its outputs or its weight) and then verified by structure: from it, through dequantization, bias and a norm where the
 * model has one there (Gemma), the value must run into a residual add, plain or inside a fused skip norm.
 */
import { UnsupportedCapabilityError } from "../errors.js";
import { normBehind } from "./find-norm.js";
import { GraphIndex, integerAttribute } from "./graph-index.js";
import { DataType, type OnnxGraph, type OnnxNode } from "./graph-model.js";
import { linearNames } from "./linear-names.js";

/** One layer of a transformer graph. */
export interface TransformerLayer {
  readonly layer: number;
  /** Value of the MLP's output [B, S, W] as it is added: bias, scales and norm applied, but for `pendingBias`. */
  readonly mlpOutput: string;
  /** A bias of the MLP that the fused residual add still has to add, or undefined. */
  readonly pendingBias: string | undefined;
  /** When the last operator before `mlpOutput` adds a bias: the value it is added to, and the bias. */
  readonly biasAdd: { readonly unbiased: string; readonly bias: string } | undefined;
  /** The residual add: an Add, or a fused skip norm. */
  readonly join: OnnxNode;
  /** The residual stream the MLP's output is added to. */
  readonly residual: string;
  /** Width W of the residual stream. */
  readonly width: number;
  /** Element type of the MLP's output: float32 or float16. */
  readonly elemType: number;
}

const PROJECTION =
  /(?:layers|blocks|layer|h)[./](\d+)[./](?:\w+[./])*?(?:mlp|feed_forward|ffn)[./](?:\w+[./])*?(?:down_proj|(?:linear_)?fc2|c_proj|w2)(?=[./']|$)/;
/** Operators that are a linear layer, or the product inside one. */
export const LINEAR: ReadonlySet<string> = new Set([
  "MatMul",
  "Gemm",
  "MatMulNBits",
  "MatMulInteger",
  "MatMulIntegerToFloat",
  "DynamicQuantizeMatMul",
  "FusedMatMul",
]);
const SKIP_NORM = new Set(["SkipSimplifiedLayerNormalization", "SkipLayerNormalization"]);
/** Operators on the way from an MLP that keep its type; some towers clip what a linear layer gives. */
const SHAPING = new Set(["Identity", "Reshape", "Clip"]);
const LOOKED_FOR =
  "mlp/down_proj or mlp/fc2 (a MatMul, Gemm, MatMulInteger or MatMulNBits whose name, output or weight says so)";

/** True for a fused residual add and norm. */
export function isSkipNorm(node: OnnxNode): boolean {
  return SKIP_NORM.has(node.opType);
}

/**
 * Finds all layers of a decoder or vision tower, in order.
 *
 * @throws UnsupportedCapabilityError naming the node looked for and what was found
 */
export function findLayers(
  graph: OnnxGraph,
  index: GraphIndex = new GraphIndex(graph),
): TransformerLayer[] {
  const projections = new Map<number, OnnxNode>();
  for (const node of graph.nodes) {
    if (!LINEAR.has(node.opType)) continue;
    const layer = layerOf(node, index);
    if (layer === undefined) continue;
    const other = projections.get(layer);
    if (other !== undefined) {
      throw new UnsupportedCapabilityError(
        `looked for one MLP output in layer ${layer}, found two: ${describe(other)} and ${describe(node)}`,
      );
    }
    projections.set(layer, node);
  }
  if (projections.size === 0) {
    const found = graph.nodes
      .filter(({ opType }) => LINEAR.has(opType))
      .slice(0, 3)
      .map(describe);
    throw new UnsupportedCapabilityError(
      `looked for ${LOOKED_FOR}, found ${found.length === 0 ? "no linear operator" : `only others such as ${found.join(", ")}`}`,
    );
  }
  return Array.from({ length: projections.size }, (_, layer) => {
    const projection = projections.get(layer);
    if (projection === undefined) {
      const found = [...projections.keys()].sort((a, b) => a - b).join(", ");
      throw new UnsupportedCapabilityError(
        `looked for ${LOOKED_FOR} of layer ${layer}, found layers ${found}`,
      );
    }
    return followToResidual(projection, layer, index);
  });
}

/** The depth of a decoder: of its layers that keep something of the past, and of those that are named, the last one's. */
export function decoderDepth(index: GraphIndex): number {
  const { nodes, inputs } = index.graph;
  const named = nodes.map((node) => (LINEAR.has(node.opType) ? layerOf(node, index) : undefined));
  const keeping = inputs.map(({ name }) => /^past_\w+\.(\d+)/.exec(name)?.[1]);
  return 1 + Math.max(-1, ...[...named, ...keeping].map((layer) => Number(layer ?? -1)));
}

/** The layer number that the names of a linear node tell, or undefined. */
function layerOf(node: OnnxNode, index: GraphIndex): number | undefined {
  for (const name of linearNames(node, index)) {
    const match = PROJECTION.exec(name);
    if (match !== null) return Number(match[1]);
  }
  return undefined;
}

/** A value between an MLP's last projection and the residual add. */
interface Passage {
  readonly value: string;
  readonly elemType: number;
  /** Constant factors that may still follow: a quantized product's scale, a norm's weight. */
  readonly scalesLeft: number;
  readonly biasAdd: TransformerLayer["biasAdd"];
}

/** Walks from the last projection of an MLP to the residual add, through scales, casts, bias and a norm. */
function followToResidual(
  projection: OnnxNode,
  layer: number,
  index: GraphIndex,
): TransformerLayer {
  const width = outputWidth(projection, index);
  let passage: Passage = {
    value: projection.outputs[0] ?? "",
    elemType: floatType(projection, index),
    scalesLeft: projection.opType === "MatMulInteger" ? 1 : 0,
    biasAdd: undefined,
  };
  for (let step = 0; step < 8; step++) {
    const { value, elemType, biasAdd } = passage;
    const join = joinOf(value, index);
    if (join !== undefined) return { ...join, biasAdd, layer, width, elemType };
    const next = stepOver(passage, index);
    if (next === undefined) break;
    passage = next;
  }
  const found = index.consumers(passage.value).map(describe);
  throw new UnsupportedCapabilityError(
    `looked for the residual add after ${describe(projection)}, found ${found.length === 0 ? "no reader" : found.join(", ")} behind ${passage.value}`,
  );
}

/** The residual add that alone reads a value, or undefined. */
function joinOf(value: string, index: GraphIndex): Join | undefined {
  const [reader, ...others] = index.consumers(value);
  if (reader === undefined || others.length > 0) return undefined;
  if (isSkipNorm(reader)) return joinAtSkipNorm(reader, value);
  const other = otherOperand(reader, value);
  if (reader.opType !== "Add" || isConstant(other, index)) return undefined;
  return { mlpOutput: value, pendingBias: undefined, join: reader, residual: other };
}

/** The value behind the operator or norm that reads one, or undefined where the way to the residual add is another. */
function stepOver(passage: Passage, index: GraphIndex): Passage | undefined {
  const { value, elemType, scalesLeft } = passage;
  const norm = normBehind(value, index);
  if (norm !== undefined) {
    const { node, isWhole } = norm;
    const weight = isWhole ? index.constantTensor(index.origin(node.inputs[1] ?? "")) : undefined;
    return {
      value: node.outputs[0] ?? "",
      elemType: weight?.dataType ?? elemType,
      scalesLeft: isWhole ? 0 : 1,
      biasAdd: undefined,
    };
  }
  const [reader, ...others] = index.consumers(value);
  if (reader === undefined || others.length > 0) return undefined;
  const next = { ...passage, value: reader.outputs[0] ?? "", biasAdd: undefined };
  if (reader.opType === "Cast") {
    return { ...next, elemType: integerAttribute(reader, "to", elemType) };
  }
  if (SHAPING.has(reader.opType)) return next;
  const other = otherOperand(reader, value);
  if (reader.opType === "Mul" && scalesLeft > 0) return { ...next, scalesLeft: scalesLeft - 1 };
  if (reader.opType !== "Add") return undefined;
  return { ...next, biasAdd: { unbiased: value, bias: other } };
}

function otherOperand({ inputs }: OnnxNode, value: string): string {
  return inputs.find((input) => input !== value) ?? "";
}

function isConstant(value: string, index: GraphIndex): boolean {
  return index.constantTensor(index.origin(value)) !== undefined;
}

/** Where an MLP's output meets the residual stream. */
type Join = Pick<TransformerLayer, "mlpOutput" | "pendingBias" | "join" | "residual">;

function joinAtSkipNorm(join: OnnxNode, mlpOutput: string): Join {
  const [input = "", skip = ""] = join.inputs;
  const bias = join.inputs[join.opType === "SkipLayerNormalization" ? 4 : 3];
  return {
    mlpOutput,
    pendingBias: bias === "" ? undefined : bias,
    join,
    residual: input === mlpOutput ? skip : input,
  };
}

/** The number of outputs of a linear node, from its attributes or its weight's shape. */
function outputWidth(node: OnnxNode, index: GraphIndex): number {
  if (node.opType === "MatMulNBits") return integerAttribute(node, "N", 0);
  for (const input of node.inputs) {
    const weight = index.constantTensor(index.origin(input));
    if (weight?.dims.length === 2) {
      const transposed = node.opType === "Gemm" && integerAttribute(node, "transB", 0) === 1;
      return weight.dims[transposed ? 0 : 1] ?? 0;
    }
    const transpose = index.producer(input);
    if (transpose?.opType === "Transpose") {
      const source = index.constantTensor(transpose.inputs[0] ?? "");
      if (source?.dims.length === 2) return source.dims[0] ?? 0;
    }
  }
  throw new UnsupportedCapabilityError(
    `looked for the weight of ${describe(node)}, found no constant matrix among its inputs`,
  );
}

/** float16 when the projection's float constants are so, else float32. */
function floatType(node: OnnxNode, index: GraphIndex): number {
  if (node.opType === "MatMulInteger") {
    const cast = index.consumers(node.outputs[0] ?? "").find(({ opType }) => opType === "Cast");
    return cast === undefined ? DataType.float32 : integerAttribute(cast, "to", DataType.float32);
  }
  const sources = node.inputs.map((input) => {
    const producer = index.producer(input);
    return index.constantTensor(
      producer?.opType === "Transpose" ? (producer.inputs[0] ?? "") : input,
    );
  });
  return sources.some((tensor) => tensor?.dataType === DataType.float16)
    ? DataType.float16
    : DataType.float32;
}

function describe(node: OnnxNode): string {
  return `${node.opType} "${node.name || (node.outputs[0] ?? "")}"`;
}
