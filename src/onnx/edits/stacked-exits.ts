/**
 * Adds logits read behind some early layers of a decoder, all in one product: the streams behind the layers are stacked as
 * rows, so that the language-model head, the largest weight of small models, is read once for all of them.
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
  const form = { found, name, normed: norm === "none" ? normedStream(index) : undefined };
  const opset = model.opsets.find(({ domain }) => domain === "" || domain === "ai.onnx");
  const isFlat = index.output("logits")?.dims?.length === 2;
  const logits = `${name}/logits`;
  const { cut } = found.head;
  const count = isMean ? 1 : states.length;
  const copied =
    cut === undefined || cut.isMovable
      ? together(form, states, { isMean, isFlat })
      : apart(form, states, { isMean, isFlat });
  const added = [
    ...copied.nodes,
    makeNode("Reshape", [copied.logits, `${name}/shape`], [logits]), // (B, n, V)
    makeNode("Cast", [logits], [name], { attributes: { to: DataType.float32 } }),
    (opset?.version ?? 0) < 18
      ? makeNode("ReduceLogSumExp", [name], [`${name}, normalizers`], {
          attributes: { axes: [-1], keepdims: 0 },
        })
      : makeNode("ReduceLogSumExp", [name, `${name}/last`], [`${name}, normalizers`], {
          attributes: { keepdims: 0 },
        }),
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
    graph: changed(graph, {
      nodes: [...withSums(graph.nodes, states), ...added],
      initializers: [...graph.initializers, ...readBy(added, constants)],
      outputs: [
        ...graph.outputs,
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
}

interface Stacking {
  readonly isMean: boolean;
  /** Whether the graph's logits are (B, V), not (B, n, V). */
  readonly isFlat: boolean;
}

/** The head once, over the streams' last positions as rows of a batch: logits (B n, 1, V). */
function together(
  { found, name, normed }: ExitForm,
  states: readonly ResidualState[],
  { isMean, isFlat }: Stacking,
): { nodes: OnnxNode[]; logits: string } {
  const lasts = states.map((_, i) => `${name}/last_${i}`);
  const nodes = states.map(({ value }, i) => lastOf(value, lasts[i]!, name)); // (B, 1, W)
  nodes.push(
    isMean
      ? makeNode("Mean", lasts, [`${name}/stacked`])
      : makeNode("Concat", lasts, [`${name}/stacked`], { attributes: { axis: 1 } }), // (B, n, W)
    makeNode("Reshape", [`${name}/stacked`, `${name}/rows`], [`${name}/stream`]), // (B n, 1, W)
  );
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
