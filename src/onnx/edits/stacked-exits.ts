/**
 * Adds logits read behind some early layers of a decoder, all in one product: the streams behind the layers are stacked as
 * rows, so that the language-model head, the largest weight of small models, is read once for all of them, and for the last
 * layer too where the head works row by row.
 *
 *     exits             (B, n, V)   head(norm(h_i)) of the token after the last position, or head(h_i)
 *     exits.normalizers (B, n)      ln sum_y exp(exits_i[y]): a logit less it is a log-probability
 */
import { UnsupportedCapabilityError } from "../../errors.js";
import { makeNode, makeTensor, makeValueInfo } from "../build.js";
import { copyHead, findHeadOfStream, type HeadOfStream } from "../copy-head.js";
import { findNormedStream } from "../find-head.js";
import { GraphIndex } from "../graph-index.js";
import { changed, DataType, type OnnxModel, type OnnxNode } from "../graph-model.js";
import { readBy } from "../remove-unused.js";
import { type ResidualState, withSums } from "../residual-stream.js";
import type { GraphEdit, LayerRange } from "./graph-edit.js";
import { addHeadRows, type HeadRows, headByRows, type RowHead } from "./head-rows.js";

/** How exits are read. */
export interface StackedExitOptions {
  /** Whether the final norm stands before the head for the early layers too. */
  readonly norm: "final" | "none";
  /** Whether the streams are averaged, so that there is one exit: of a linear head without a norm, the mean of theirs. */
  readonly isMean?: boolean;
}

/** The edit that reads exits, with the names of what a method gets. */
export interface StackedExits {
  readonly edit: GraphEdit;
  /** (n x V) */
  readonly logits: string;
  /** (n) */
  readonly normalizers: string;
}

/**
 * The edit that reads the logits behind the chosen early layers. They do not depend on a strength. Several such edits go
 * together.
 *
 * @throws InvalidArgumentError from `apply`, when the graph has fewer layers
 * @throws UnsupportedCapabilityError from `apply`, when layers, residual stream, head or final norm cannot be found
 */
export function stackedExits(choice: LayerRange, options: StackedExitOptions): StackedExits {
  const { norm, isMean = false } = options;
  const logits = `exits ${choice.text}${isMean ? " as one" : ""}, with ${norm === "none" ? "no" : "the final"} norm`;
  const normalizers = `${logits}, normalizers`;
  const edit: GraphEdit = EDITS.get(logits) ?? {
    key: logits,
    graph: "decoder",
    stage: "output",
    apply: (model) => addStackedExits(model, choice, options, logits),
    feeds: () => ({}),
    outputs: [logits, normalizers],
  };
  EDITS.set(logits, edit);
  return { edit, logits, normalizers };
}

/** Equal edits are one value, so that requests which switch them on are decoded together. */
const EDITS = new Map<string, GraphEdit>();

function addStackedExits(
  model: OnnxModel,
  choice: LayerRange,
  { norm, isMean = false }: StackedExitOptions,
  name: string,
): OnnxModel {
  const { graph } = model;
  const index = new GraphIndex(graph);
  const found = findHeadOfStream(index);
  const layers = choice.exits(found.states.length - 1);
  const states = layers.map((layer) => found.states[layer]!);
  const opset = model.opsets.find(({ domain }) => domain === "" || domain === "ai.onnx");
  const form = {
    found,
    name,
    normed: norm === "none" ? normedStream(index) : undefined,
    opset: opset?.version ?? 0,
  };
  const isFlat = index.output("logits")?.dims?.length === 2;
  const logits = `${name}/logits`;
  const count = isMean ? 1 : states.length;
  const rowHead = headByRows(index, found);
  const rows = rowHead && rowsOf(form, states, rowHead, isMean);
  const summed = changed(graph, { nodes: withSums(graph.nodes, states) });
  const base = rows ? addHeadRows(summed, found, rowHead, { ...rows, count }, logits) : summed;
  const copies = rows ? [] : copiedHead(form, states, { isMean, isFlat });
  const added = [
    ...copies,
    makeNode("Cast", [logits], [name], { attributes: { to: DataType.float32 } }),
    ...normalizerNodes(name, form.opset < 18),
  ];
  const integers = (title: string, values: readonly number[]) =>
    makeTensor(`${name}/${title}`, [values.length], BigInt64Array.from(values, BigInt));
  const constants = [
    integers("last", [-1]),
    integers("end", [2 ** 53]),
    integers("axis", [1]),
    integers("rows", [-1, 1, 0]),
    integers("shape", [-1, count, 0]),
  ];
  const [batch = null] = index.output("logits")?.dims ?? [];
  const vocabulary = index.output("logits")?.dims?.at(-1) ?? null;
  return changed(model, {
    graph: changed(base, {
      nodes: [...base.nodes, ...added],
      initializers: [
        ...base.initializers,
        ...readBy([...(rows?.nodes ?? []), ...added], constants),
      ],
      outputs: [
        ...base.outputs,
        makeValueInfo(name, DataType.float32, [batch, count, vocabulary]),
        makeValueInfo(`${name}, normalizers`, DataType.float32, [batch, count]),
      ],
    }),
  });
}

/** What the copies of a graph's head have in common. */
interface ExitForm {
  readonly found: HeadOfStream;
  readonly name: string;
  readonly normed: string | undefined;
  /** Version of the graph's operator set. */
  readonly opset: number;
}

interface Stacking {
  readonly isMean: boolean;
  /** Whether the graph's logits are (B, V), not (B, n, V). */
  readonly isFlat: boolean;
}

/**
 * ln sum exp of the logits, as the difference of their maximum and that of their log-probabilities: the runtime's
 * LogSoftmax is vectorised, its ReduceLogSumExp is not.
 */
function normalizerNodes(name: string, isOld: boolean): OnnxNode[] {
  const [probabilities, most, surest] = ["log_softmax", "max", "surest"].map(
    (at) => `${name}/${at}`,
  );
  const max = (value: string, made: string) =>
    isOld
      ? makeNode("ReduceMax", [value], [made], { attributes: { axes: [-1], keepdims: 0 } })
      : makeNode("ReduceMax", [value, `${name}/last`], [made], { attributes: { keepdims: 0 } });
  return [
    makeNode("LogSoftmax", [name], [probabilities!], { attributes: { axis: -1 } }),
    max(name, most!),
    max(probabilities!, surest!),
    makeNode("Sub", [most!, surest!], [`${name}, normalizers`]),
  ];
}

/** The streams' last positions, normed unless their form says otherwise: (B, n, W). */
function rowsOf(
  form: ExitForm,
  states: readonly ResidualState[],
  head: RowHead,
  isMean: boolean,
): Omit<HeadRows, "count"> {
  const { found, name, normed } = form;
  const nodes = stack(form, states, isMean);
  if (normed !== undefined) return { nodes, value: `${name}/stacked` };
  const cut = head.norm.find((node) => node === found.head.cut?.node);
  const norm = { ...found, head: { ...found.head, nodes: head.norm } };
  const copied = copyHead(norm, `${name}/head`, `${name}/stacked`, cut);
  return { nodes: [...nodes, ...copied.nodes], value: `${name}/head/${head.normed}` };
}

/**
 * The streams' last positions side by side, or their mean: (B, n, W). Embeddings may be float32 where layers are float16:
 * they are given the type of what leaves the first layer.
 */
function stack(
  { name, found: { states: all }, opset }: ExitForm,
  states: readonly ResidualState[],
  isMean: boolean,
): OnnxNode[] {
  const lasts = states.map((_, i) => `${name}/last_${i}`);
  const nodes = states.flatMap(({ value }, i) => {
    const last = lasts[i]!; // (B, 1, W)
    if (value !== all[0]!.value || opset < 15) return [lastOf(value, last, name)];
    const own = `${last}/own`;
    return [lastOf(value, own, name), makeNode("CastLike", [own, all[1]!.value], [last])];
  });
  const stacked = `${name}/stacked`;
  return [
    ...nodes,
    isMean
      ? makeNode("Mean", lasts, [stacked])
      : makeNode("Concat", lasts, [stacked], { attributes: { axis: 1 } }),
  ];
}

/** A copy of the head that reads the streams: logits (B, n, V). */
function copiedHead(
  form: ExitForm,
  states: readonly ResidualState[],
  stacking: Stacking,
): OnnxNode[] {
  const { name, found } = form;
  const isApart = found.head.cut?.isMovable === false;
  const { nodes, logits } = (isApart ? apart : together)(form, states, stacking);
  return [...nodes, makeNode("Reshape", [logits, `${name}/shape`], [`${name}/logits`])];
}

/** The head once, over the streams' last positions as rows of a batch: logits (B n, 1, V). */
function together(
  form: ExitForm,
  states: readonly ResidualState[],
  { isMean, isFlat }: Stacking,
): { nodes: OnnxNode[]; logits: string } {
  const { found, name, normed } = form;
  const nodes = stack(form, states, isMean);
  nodes.push(makeNode("Reshape", [`${name}/stacked`, `${name}/rows`], [`${name}/stream`])); // (B n, 1, W)
  const head = copyHead(found, `${name}/head`, `${name}/stream`, found.head.cut?.node, normed);
  nodes.push(...head.nodes);
  if (!isFlat) return { nodes, logits: head.logits };
  nodes.push(makeNode("Unsqueeze", [head.logits, `${name}/axis`], [`${name}/of_rows`]));
  return { nodes, logits: `${name}/of_rows` };
}

/**
 * The head once for each stream, where it cuts out the last position in a way of its own: logits (B, n, V).
 *
 * A mean is taken of the streams before.
 */
function apart(
  { found, name, normed }: ExitForm,
  states: readonly ResidualState[],
  { isMean, isFlat }: Stacking,
): { nodes: OnnxNode[]; logits: string } {
  const mean = `${name}/mean`;
  const values = states.map(({ value }) => value);
  const nodes: OnnxNode[] = isMean ? [makeNode("Mean", values, [mean])] : [];
  const each = (isMean ? [mean] : values).map((value, i) => {
    const within = `${name}/head_${i}`;
    // A copy of its own, as the runtime would otherwise share what the next layer makes of the stream.
    const head = copyHead(found, within, value, undefined, normed);
    nodes.push(...head.nodes);
    nodes.push(
      isFlat
        ? makeNode("Unsqueeze", [head.logits, `${name}/axis`], [`${name}/last_${i}`])
        : lastOf(head.logits, `${name}/last_${i}`, name),
    );
    return `${name}/last_${i}`;
  });
  nodes.push(makeNode("Concat", each, [`${name}/each`], { attributes: { axis: 1 } }));
  return { nodes, logits: `${name}/each` };
}

/** The last of the positions on axis 1. */
function lastOf(value: string, output: string, name: string): OnnxNode {
  const last = ["last", "end", "axis"].map((title) => `${name}/${title}`);
  return makeNode("Slice", [value, ...last], [output]);
}

/** @throws UnsupportedCapabilityError where no norm stands before the head */
function normedStream(index: GraphIndex): string {
  const normed = findNormedStream(index);
  if (normed !== undefined) return normed;
  throw new UnsupportedCapabilityError(
    "exits: looked for the final norm before the language-model head, found none; export the model again",
  );
}
