/**
 * Adds outputs for hidden states to a stock transformer graph.
 *
 * Numbering follows PyTorch's `output_hidden_states`: 0 is the input of the first layer, i the residual stream after
 * layer i, and in decoders the last one is taken behind the final norm.
 *
 * Tap first and steer afterwards ({@link addSteering} of a tapped graph): steered layers are not found again.
 */
import { InvalidArgumentError, UnsupportedCapabilityError } from "../../errors.js";
import { makeNode, makeTensor, makeValueInfo } from "../build.js";
import { findLayers, isSkipNorm, LINEAR, type TransformerLayer } from "../find-layers.js";
import { GraphIndex } from "../graph-index.js";
import { changed, DataType, type OnnxModel, type OnnxNode } from "../graph-model.js";

/** Which hidden states to return. */
export interface HiddenStateOptions {
  /** Numbers 0..L of the states; all when left out. */
  readonly layers?: readonly number[];
  /** "all": [B, S, W]. "last": the last position only, [B, 1, W]. */
  readonly positions: "all" | "last";
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
  const finalNorm = findFinalNorm(model, index);
  if (finalNorm !== undefined) states[layers.length] = { value: finalNorm, node: undefined };
  const asked = options.layers ?? states.map((_, i) => i);
  const width = layers[0]?.width ?? 0;
  const added: OnnxNode[] = [];
  const replaced = new Map<OnnxNode, OnnxNode>();
  for (const i of asked) {
    const state = states[i];
    if (state === undefined) {
      throw new InvalidArgumentError(
        `hidden state ${i}: expected 0 to ${layers.length}, the layers of this graph`,
      );
    }
    if (state.node !== undefined && !state.node.outputs.includes(state.value)) {
      replaced.set(state.node, withSumOutput(state.node, state.value));
    }
    added.push(...selectPositions(state.value, `hidden.${i}`, options.positions));
  }
  const sequence = options.positions === "last" ? 1 : "hidden_positions";
  const taps = asked.map((i) =>
    makeValueInfo(`hidden.${i}`, DataType.float32, ["hidden_streams", sequence, width]),
  );
  const graph = changed(model.graph, {
    nodes: [...model.graph.nodes.map((node) => replaced.get(node) ?? node), ...added],
    initializers: [
      ...model.graph.initializers,
      makeTensor("hidden/last", [1], BigInt64Array.of(-1n)),
      makeTensor("hidden/end", [1], BigInt64Array.of(2n ** 62n)),
      makeTensor("hidden/axis", [1], BigInt64Array.of(1n)),
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

/** A value of the residual stream; `node` is the skip norm that can give it as its fourth output. */
interface State {
  readonly value: string;
  readonly node: OnnxNode | undefined;
}

/** The stream before the first layer and after each, verified: each layer's sum must reach the next layer's residual. */
function residualStream(layers: readonly TransformerLayer[], index: GraphIndex): State[] {
  const states: State[] = layers.map(({ join }) => sumOf(join));
  const first = layers[0];
  const start = first === undefined ? undefined : streamBefore(first, undefined, index);
  layers.forEach((layer, i) => {
    const before = i === 0 ? undefined : states[i - 1]?.value;
    if (before !== undefined) streamBefore(layer, before, index);
  });
  return [{ value: start ?? "", node: undefined }, ...states];
}

function sumOf(join: OnnxNode): State {
  if (!isSkipNorm(join)) return { value: join.outputs[0] ?? "", node: undefined };
  const given = join.outputs[3];
  return {
    value: given === undefined || given === "" ? `${join.name}/hidden_sum` : given,
    node: join,
  };
}

/**
 * The residual stream that enters a layer: the operand of the attention's residual add that is not the attention.
 *
 * @param expected the stream after the layer before, which must be that operand
 */
function streamBefore(
  layer: TransformerLayer,
  expected: string | undefined,
  index: GraphIndex,
): string {
  const middle = index.producer(index.origin(layer.residual));
  const operands = middle === undefined ? [] : middle.inputs.slice(0, 2);
  if (
    middle !== undefined &&
    (middle.opType === "Add" || isSkipNorm(middle)) &&
    operands.length === 2
  ) {
    const origins = operands.map((operand) => index.origin(operand));
    if (expected !== undefined) {
      if (origins.includes(index.origin(expected))) return expected;
    } else {
      // The stream is read by the norm and by the add; the attention's output by the add alone.
      const [a = "", b = ""] = origins;
      if (reaches(b, a, index)) return a;
      if (reaches(a, b, index)) return b;
    }
  }
  const found =
    middle === undefined
      ? "no node"
      : `${middle.opType} "${middle.name}" of ${operands.join(" and ")}`;
  throw new UnsupportedCapabilityError(
    `looked for the residual add of attention in layer ${layer.layer}${expected === undefined ? "" : ` reading ${expected}`}, found ${found}`,
  );
}

/** Whether `value` is computed from `ancestor`. */
function reaches(value: string, ancestor: string, index: GraphIndex): boolean {
  const seen = new Set<string>();
  const open = [value];
  while (open.length > 0) {
    const next = open.pop() ?? "";
    if (next === ancestor) return true;
    if (next === "" || seen.has(next)) continue;
    seen.add(next);
    open.push(...(index.producer(next)?.inputs ?? []));
  }
  return false;
}

/** Operators between the final norm and the language-model head. */
const BEFORE_HEAD = new Set([
  "Slice",
  "Gather",
  "GatherND",
  "Cast",
  "Identity",
  "Reshape",
  "Unsqueeze",
  "Squeeze",
  "DynamicQuantizeLinear",
]);

/** The normed last hidden state of a decoder: what the language-model head reads, before slicing and quantizing. */
function findFinalNorm(model: OnnxModel, index: GraphIndex): string | undefined {
  if (!model.graph.outputs.some(({ name }) => name === "logits")) return undefined;
  let value = "logits";
  let behindHead = false;
  for (let step = 0; step < 16; step++) {
    const node = index.producer(value);
    if (node === undefined) return undefined;
    if (behindHead && !BEFORE_HEAD.has(node.opType)) return value;
    behindHead ||= LINEAR.has(node.opType);
    const isConstant = (input: string): boolean =>
      index.constantTensor(index.origin(input)) !== undefined;
    value = node.inputs.find((input) => input !== "" && !isConstant(input)) ?? "";
  }
  return undefined;
}

function withSumOutput(node: OnnxNode, value: string): OnnxNode {
  const outputs = [0, 1, 2].map((i) => node.outputs[i] ?? "");
  return changed(node, { outputs: [...outputs, value] });
}

function selectPositions(value: string, output: string, positions: "all" | "last"): OnnxNode[] {
  if (positions === "all")
    return [makeNode("Cast", [value], [output], { attributes: { to: DataType.float32 } })];
  const last = `${output}/last`;
  return [
    makeNode("Slice", [value, "hidden/last", "hidden/end", "hidden/axis"], [last]),
    makeNode("Cast", [last], [output], { attributes: { to: DataType.float32 } }),
  ];
}
