import { ModelLoadError } from "../../errors.js";
import { GraphIndex, integerAttribute } from "../graph-index.js";
import { DataType, type OnnxGraph, type OnnxNode, type OnnxTensor } from "../graph-model.js";
import { linearNames } from "../linear-names.js";
import { type ModuleUpdate, modulePath } from "./adapter.js";

/** The weight of a linear node, as it is stored and as the node reads it. */
export interface LinearWeight {
  readonly node: OnnxNode;
  readonly stored: OnnxTensor;
  /** Whether the node is given the transpose of what is stored. */
  readonly isTurned: boolean;
  /** Whether the node reads (outputs, inputs); else (inputs, outputs). */
  readonly isOutputsFirst: boolean;
  /** Type in which the node reads it: float32 or float16. */
  readonly elemType: number;
}

/** Which of a linear node's inputs is its weight. */
export const WEIGHT_INPUT = 1;
const FLOATS: readonly number[] = [DataType.float32, DataType.float16];

/**
 * Finds the weights that an adapter changes, in the order of its modules.
 *
 * @throws ModelLoadError naming the module that the graph has not, or whose weight is quantized, fused or of another shape
 */
export function findWeights(graph: OnnxGraph, updates: readonly ModuleUpdate[]): LinearWeight[] {
  const index = new GraphIndex(graph);
  const modules = new Map<string, OnnxNode[]>();
  for (const node of graph.nodes) {
    if (!/MatMul|Gemm/.test(node.opType)) continue;
    const paths = linearNames(node, index).map(modulePath);
    const path = paths.find((one) => one !== undefined);
    if (path !== undefined) modules.set(path, [...(modules.get(path) ?? []), node]);
  }
  return updates.map((update) => {
    const [node, ...others] = modules.get(update.path) ?? [];
    if (node === undefined) throw missing(update, [...modules.keys()]);
    if (others.length > 0)
      throw new ModelLoadError(
        `${update.name}: the graph has ${others.length + 1} nodes of ${update.path}; expected one`,
      );
    return checkShape(weightOf(node, update.name, index), update);
  });
}

function weightOf(node: OnnxNode, module: string, index: GraphIndex): LinearWeight {
  const refuse = (found: string) =>
    new ModelLoadError(
      `${module}: the graph has ${found} there; an adapter is merged into float32 or float16 weights of plain MatMul and Gemm nodes: use dtype fp32 or fp16, or merge in PyTorch (merge_and_unload) and export the checkpoint anew`,
    );
  if (node.opType !== "MatMul" && node.opType !== "Gemm") throw refuse(node.opType);
  const alpha = node.attributes.find(({ name }) => name === "alpha")?.value;
  const isScaled = alpha?.kind === "float" && alpha.float !== 1;
  if (isScaled || integerAttribute(node, "transA", 0) !== 0) throw refuse("a scaled Gemm");
  let value = node.inputs[WEIGHT_INPUT] ?? "";
  let isTurned = false;
  let elemType: number | undefined;
  for (;;) {
    const stored = index.constantTensor(value);
    const type = elemType ?? stored?.dataType ?? 0;
    if (stored !== undefined) {
      if (!FLOATS.includes(stored.dataType) || !FLOATS.includes(type))
        throw refuse(`a weight of another type (${stored.dataType} of TensorProto)`);
      const isOutputsFirst = integerAttribute(node, "transB", 0) === 1;
      return { node, stored, isTurned, isOutputsFirst, elemType: type };
    }
    const maker = index.producer(value);
    if (maker?.opType === "Transpose") isTurned = !isTurned;
    else if (maker?.opType === "Cast") elemType ??= integerAttribute(maker, "to", 0);
    else if (maker?.opType !== "Identity")
      throw refuse(`a weight that is no constant (${maker?.opType ?? "an input"})`);
    value = maker.inputs[0] ?? "";
  }
}

function checkShape(weight: LinearWeight, { name, inputs, outputs }: ModuleUpdate): LinearWeight {
  const { dims } = weight.stored;
  const isStoredOutputsFirst = weight.isOutputsFirst !== weight.isTurned;
  const expected = isStoredOutputsFirst ? [outputs, inputs] : [inputs, outputs];
  if (dims.length === 2 && dims.every((dim, i) => dim === expected[i])) return weight;
  const found = isStoredOutputsFirst ? dims : [...dims].reverse();
  throw new ModelLoadError(
    `${name}: the adapter is of ${inputs} inputs and ${outputs} outputs, the graph's weight of (outputs, inputs) = (${found.join(", ")}); it was trained on another checkpoint`,
  );
}

function missing({ name, path }: ModuleUpdate, known: readonly string[]): ModelLoadError {
  const layer = path.replace(/\.[^.]+$/, "");
  const beside = known.filter((one) => one.startsWith(`${layer}.`));
  const found = (beside.length > 0 ? beside : known).slice(0, 8).join(", ");
  return new ModelLoadError(
    `${name}: the graph has no linear node of ${path}; it has ${found || "none that names its module"}. The adapter is of another checkpoint, or the export has joined modules: merge in PyTorch (merge_and_unload) and export anew`,
  );
}
