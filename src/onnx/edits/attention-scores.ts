/**
 * Changes attention's scores s at some columns, before masks and softmax, in some layers:
 *
 *     s <- s + w g(s),   w = strength x weight at image tokens and at those before the first image, else 0
 *
 * Each query of a run has its own row of w, so that what belongs to the prompt may stay as it was. Single operators are
 * given the nodes for it. A fused operator takes numbers to add to its scores but shows none on the way: a second node
 * of it, with the same inputs, gives the scores that w g(s) is made of.
 */
import { InvalidArgumentError, ShapeError, UnsupportedCapabilityError } from "../../errors.js";
import { attentionLayers, fusedReaderOf, scoresOfFused } from "../attention-weights.js";
import { makeNode, makeTensor, makeValueInfo } from "../build.js";
import { findAttentionCore } from "../find-attention.js";
import { decoderDepth } from "../find-layers.js";
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
import { addBias, BIAS_CONSTANTS } from "./attention-bias.js";
import {
  columnOf,
  type EditedRow,
  type EditedRun,
  type EditInput,
  type GraphEdit,
} from "./graph-edit.js";

const PREFIX = "attention_scores";
const INPUT = `${PREFIX}.weights`;

/** What is changed, and where. */
export interface AttentionScores {
  /**
   * g(s): "magnitude" |s|, "heads" the mean of |s| over all heads, "score" s itself, "one" 1, which adds w alone and asks
   * nothing of a fused operator but that it takes a bias.
   */
  readonly by: "magnitude" | "heads" | "score" | "one";
  /** By a name, in a decoder of any depth: see `layerRange`. */
  readonly layers: {
    /** As it was written. */
    readonly text: string;
    /** The layers, counted from 0, of a decoder that has this many. */
    layers(depth: number): readonly number[];
  };
  /**
   * Queries that are changed: "answer", the prompt's last token and those of the answer; "later", those of the answer
   * alone, so that its first token is the model's own; "behind images", all text behind an image, in the prompt too.
   */
  readonly queries: "answer" | "later" | "behind images";
  /** What the strength is multiplied by at image tokens, and at the tokens before the first image. Default 1 and 0. */
  readonly weights?: { readonly images: number; readonly before: number };
}

/**
 * The edit that changes attention's scores in some layers; equal ones are one value. Decoders that mix attention with other
 * layers, or whose layers share keys, are changed in those layers of the range that have keys of their own.
 *
 * @throws InvalidArgumentError from `apply`, when another edit changes scores already
 * @throws ShapeError from `apply`, when the decoder has not these layers, or none of them attends with keys of its own
 * @throws UnsupportedCapabilityError from `apply`, when a layer's attention cannot be found, and for scores of a fused
 * operator in float16
 */
export function attentionScoresEdit(scores: AttentionScores): GraphEdit {
  const { by, layers, queries, weights: { images, before } = WEIGHTS } = scores;
  const key = `attention scores by ${by} in layers ${layers.text}`;
  const name = `${key} of ${queries}, ${images} and ${before}`;
  const edit: GraphEdit = EDITS.get(name) ?? {
    key,
    graph: "decoder",
    stage: "attention",
    apply: (model) => changeScores(model, scores),
    feeds: (run) => ({ [INPUT]: weightsOf(run, scores) }),
    ...(queries === "behind images" ? {} : { endsPrompt: true }),
  };
  EDITS.set(name, edit);
  return edit;
}

const WEIGHTS = { images: 1, before: 0 };

/** Equal edits are one value, so that requests which switch them on are decoded together. */
const EDITS = new Map<string, GraphEdit>();

function changeScores(model: OnnxModel, { by, layers }: AttentionScores): OnnxModel {
  const { graph, opsets } = model;
  const index = new GraphIndex(graph);
  if (index.input(INPUT) !== undefined) {
    throw new InvalidArgumentError(
      `attention: its scores are changed by another method already, and are to be changed by ${by} in layers ${layers.text} too; use one of pai, heads and vaf`,
    );
  }
  const opset = opsets.find(({ domain }) => domain === "" || domain === "ai.onnx")?.version ?? 0;
  if (opset < 13) {
    throw new UnsupportedCapabilityError(
      `attention is changed from operator set 13 on, found ${opset}: export the model again`,
    );
  }
  const replaced = new Map<OnnxNode, OnnxNode>();
  const added: OnnxNode[] = [];
  const declared: Uint8Array[] = [];
  const isHalf = new Set<boolean>();
  for (const layer of layersOf(index, layers)) {
    const past = index.input(`past_key_values.${layer}.key`)!;
    isHalf.add(past.elemType === DataType.float16);
    const form = { by, opset, half: past.elemType === DataType.float16 ? "/half" : "" };
    const fused = fusedReaderOf(past.name, index);
    const change =
      fused === undefined
        ? changePlainly(index, layer, form)
        : changeFused(index, fused, past, form);
    replaced.set(change.before, change.after);
    added.push(...change.nodes);
    declared.push(...(change.declared ?? []));
  }
  added.push(...[...isHalf].flatMap(weightsAs));
  // Its axes have the names of the mask's, so that the runtime knows what it knew before.
  const [batch = null, columns = null] = index.input("attention_mask")?.dims ?? [];
  const steps = index.input("inputs_embeds")?.dims?.[1] ?? null;
  const nodes = insertBeforeUse(graph.nodes, replaced, added);
  const isKnown = ({ name }: { readonly name: string }) => index.initializer(name) !== undefined;
  const constants = readBy(nodes, [...CONSTANTS, ...BIAS_CONSTANTS]).filter((one) => !isKnown(one));
  return changed(model, {
    graph: changed(graph, {
      nodes,
      initializers: [...graph.initializers, ...constants],
      inputs: [...graph.inputs, makeValueInfo(INPUT, DataType.float32, [batch, 1, steps, columns])],
      rest: [...graph.rest, ...declared],
    }),
  });
}

/** The layers of a range that attend with keys of their own. */
function layersOf(index: GraphIndex, range: AttentionScores["layers"]): number[] {
  const known = attentionLayers(index);
  const layers = range.layers(decoderDepth(index));
  const attending = layers.filter((layer) => known.includes(layer));
  if (attending.length > 0) return attending;
  throw new ShapeError(
    `layers: received ${range.text}, none of which has attention with keys of its own; expected some of ${known.join(", ")}`,
  );
}

/** w in the type of the scores, and where it is not 0. */
function weightsAs(half: boolean): OnnxNode[] {
  const as = (value: string, to: number) =>
    makeNode("Cast", [INPUT], [value], { attributes: { to } });
  return [
    ...(half ? [as(`${PREFIX}/half`, DataType.float16)] : []),
    as(`${PREFIX}/on`, DataType.bool),
  ];
}

/** How g(s) is made. */
interface Form {
  readonly by: AttentionScores["by"];
  readonly opset: number;
  /** Behind the names of constants of the scores' type. */
  readonly half: string;
}

/** A node, what takes its place, what that needs, and what the graph must declare for it. */
interface Change {
  readonly before: OnnxNode;
  readonly after: OnnxNode;
  readonly nodes: readonly OnnxNode[];
  readonly declared?: readonly Uint8Array[];
}

function changePlainly(index: GraphIndex, layer: number, form: Form): Change {
  const { value, before } = unmaskedScores(index, layer);
  const made = `${value}/changed`;
  const { nodes, sum } = weighted(value, form);
  const inputs = before.inputs.map((input) => (input === value ? made : input));
  return {
    before,
    after: changed(before, { inputs }),
    nodes: [...nodes, makeNode("Add", [value, sum], [made])],
  };
}

const SCALES = new Set(["Mul", "Div"]);
const SHAPES = new Set(["Tanh", "Cast", "Identity"]);
const MASKS = new Set(["Add", "Where", "Softmax", "Max"]);

/** The scores of single operators as the mask meets them, and the node that reads them there. */
function unmaskedScores(index: GraphIndex, layer: number): { value: string; before: OnnxNode } {
  let value = findAttentionCore(index, layer).scores.outputs[0]!;
  for (;;) {
    const readers = index.consumers(value).filter(({ opType }) => opType !== "Shape");
    const [node] = readers;
    if (node !== undefined && readers.length === 1) {
      if (MASKS.has(node.opType)) return { value, before: node };
      const other = node.inputs.find((input) => input !== value) ?? "";
      const isScale = SCALES.has(node.opType) && index.constantTensor(other) !== undefined;
      if (isScale || SHAPES.has(node.opType)) {
        value = node.outputs[0]!;
        continue;
      }
    }
    const found = readers.map(({ opType, name }) => `${opType} "${name}"`).join(", ");
    throw new UnsupportedCapabilityError(
      `attention of layer ${layer}: looked for a scale, a mask or a Softmax behind ${value}, found ${found || "none"}`,
    );
  }
}

function changeFused(index: GraphIndex, before: OnnxNode, past: OnnxValueInfo, form: Form): Change {
  const name = `${before.name}/changed`;
  if (form.by === "one") {
    return { before, ...addBias(index, before, weightInput(form), name) };
  }
  if (form.half !== "") {
    throw new UnsupportedCapabilityError(
      `scores of ${past.name}: looked for a ${before.opType} in float32, found float16, of which the runtime gives scores in buffers of a wrong size; use another dtype, or a form that adds numbers to scores`,
    );
  }
  const { value, node, declared } = scoresOfFused(before, past);
  // Behind masks the operator gives anything, so that only what has a weight is read.
  const own = `${value}/own`;
  const { nodes, sum } = weighted(own, form);
  const { after, nodes: joining } = addBias(index, before, sum, name);
  return {
    before,
    after,
    nodes: [
      node,
      makeNode("Where", [`${PREFIX}/on`, value, `${PREFIX}/zero`], [own]),
      ...nodes,
      ...joining,
    ],
    declared,
  };
}

function weightInput({ half }: Form): string {
  return half === "" ? INPUT : `${PREFIX}/half`;
}

/** w g(s). */
function weighted(scores: string, form: Form): { nodes: OnnxNode[]; sum: string } {
  const weight = weightInput(form);
  if (form.by === "one") return { nodes: [], sum: weight };
  const sum = `${scores}/weighted`;
  const [magnitude, mean] = [`${scores}/magnitude`, `${scores}/mean`];
  const product = (of: string) => makeNode("Mul", [of, weight], [sum]);
  if (form.by === "score") return { nodes: [product(scores)], sum };
  const abs = makeNode("Abs", [scores], [magnitude]);
  if (form.by === "magnitude") return { nodes: [abs, product(magnitude)], sum };
  // From operator set 18 on the axes are an input.
  const reduce =
    form.opset < 18
      ? makeNode("ReduceMean", [magnitude], [mean], { attributes: { axes: [1] } })
      : makeNode("ReduceMean", [magnitude, `${PREFIX}/heads`], [mean]);
  return { nodes: [abs, reduce, product(mean)], sum };
}

const CONSTANTS = [
  makeTensor(`${PREFIX}/zero`, [], Float32Array.of(0)),
  makeTensor(`${PREFIX}/heads`, [1], BigInt64Array.of(1n)),
];

/** (B, 1, S, T): w of each row's queries. */
function weightsOf({ rows, steps, columns }: EditedRun, scores: AttentionScores): EditInput {
  const data = new Float32Array(rows.length * steps * columns);
  rows.forEach((row, b) => {
    for (let i = 0; i < row.newLength; i++) {
      const at = (b * steps + steps - row.newLength + i) * columns;
      fillQuery(data.subarray(at, at + columns), row, row.pastLength + i, scores);
    }
  });
  return { data, dims: [rows.length, 1, steps, columns] };
}

/** w of the query of one token. */
function fillQuery(
  columns: Float32Array,
  row: EditedRow,
  token: number,
  { queries, weights = WEIGHTS }: AttentionScores,
): void {
  const { images, promptLength, strength } = row;
  const isImage = images.some(({ start, end }) => token >= start && token < end);
  const from = queries === "answer" ? promptLength - 1 : queries === "later" ? promptLength : 0;
  const seen = images.filter(({ end }) => end <= token);
  if (token < from || isImage || seen.length === 0) return;
  const fill = (start: number, end: number, weight: number) => {
    for (let key = start; key < end; key++) columns[columnOf(row, key)] = weight;
  };
  for (const { start, end } of seen) fill(start, end, strength * weights.images);
  fill(0, images[0]!.start, strength * weights.before);
}
