/**
 * Gives a decoder's own language-model head further rows to read beside the last position, so that its weights, a large
 * part of a small model, are read once for all of them. Logits are then those of the last position alone.
 *
 *     head_rows/normed (B, 1 + n, W)   the last position behind the final norm, then the rows
 *     head_rows/logits (B, 1 + n, V)   of which the first are the model's own
 */
import { makeNode, makeTensor, makeValueInfo } from "../build.js";
import { copyHead, type HeadOfStream } from "../copy-head.js";
import { findNormedStream } from "../find-head.js";
import { GraphIndex } from "../graph-index.js";
import { changed, type OnnxGraph, type OnnxNode, type OnnxTensor } from "../graph-model.js";
import { insertBeforeUse } from "../insert-before-use.js";
import { readBy } from "../remove-unused.js";

const PREFIX = "head_rows";
const [ROWS, LOGITS] = [`${PREFIX}/normed`, `${PREFIX}/logits`];

/** Operators behind the final norm that work row by row, beside the products. */
const BY_ROW = new Set(["MatMul", "MatMulNBits", "Cast", "Identity", "Add", "Mul", "Div", "Tanh"]);

/** Rows to read: nodes that make them, in graph order, and the value that holds them, (B, n, W). */
export interface HeadRows {
  readonly nodes: readonly OnnxNode[];
  readonly value: string;
  readonly count: number;
}

/** A head, by what stands before and behind what the final norm gives. */
export interface RowHead {
  readonly normed: string;
  /** The nodes of the norm. */
  readonly norm: readonly OnnxNode[];
  /** What the head reads: the normed stream, or the positions that were cut out of it. */
  readonly read: string;
  readonly cut: OnnxNode | undefined;
  /** The nodes behind it, without the cut. */
  readonly tail: readonly OnnxNode[];
}

/**
 * The parts of a head that works row by row behind the final norm; undefined of others. Heads that quantize what they read do not: one scale would be
 * taken for all rows.
 */
export function headByRows(index: GraphIndex, { head }: HeadOfStream): RowHead | undefined {
  const normed = findNormedStream(index);
  if (normed === undefined || index.output("logits")?.dims?.length !== 3) return undefined;
  const reached = new Set([normed]);
  const behind = head.nodes.filter(({ inputs, outputs }) => {
    if (!inputs.some((input) => reached.has(input))) return false;
    for (const output of outputs) reached.add(output);
    return true;
  });
  const norm = head.nodes.filter((node) => !behind.includes(node));
  if (index.producer(ROWS) !== undefined)
    return { normed, norm, read: ROWS, cut: undefined, tail: [] };
  const cut = behind.find((node) => node === head.cut?.node);
  const tail = behind.filter((node) => node !== cut);
  const isSplit = head.cut?.isMovable !== false && (cut === undefined || cut.inputs[0] === normed);
  if (!isSplit || !tail.every(({ opType }) => BY_ROW.has(opType))) return undefined;
  return { normed, norm, read: cut?.outputs[0] ?? normed, cut, tail };
}

/**
 * Reads rows with the model's own head. Several edits may each add theirs.
 *
 * @param rows as the head reads them: what is to be normed is normed already
 * @param output the value that is to hold their logits, (B, n, V)
 */
export function addHeadRows(
  graph: OnnxGraph,
  found: HeadOfStream,
  { normed, read, cut, tail }: RowHead,
  rows: HeadRows,
  output: string,
): OnnxGraph {
  const index = new GraphIndex(graph);
  const known = index.producer(ROWS);
  const start = known === undefined ? 1 : rowsRead(index);
  const name = (end: number) => `${PREFIX}/row_${end}`;
  const slice = (value: string, from: number, to: number, made: string) =>
    makeNode("Slice", [value, name(from), name(to), `${PREFIX}/axis`], [made]);
  const own = slice(LOGITS, start, start + rows.count, output);
  let nodes: OnnxNode[];
  if (known !== undefined) {
    const joined = changed(known, { inputs: [...known.inputs, rows.value] });
    nodes = [...insertBeforeUse(graph.nodes, new Map([[known, joined]]), rows.nodes), own];
  } else {
    nodes = [
      ...graph.nodes.filter((node) => !tail.includes(node)),
      ...rows.nodes,
      makeNode(
        "Slice",
        [read, `${PREFIX}/last`, `${PREFIX}/end`, `${PREFIX}/axis`],
        [`${PREFIX}/own`],
      ),
      makeNode("Concat", [`${PREFIX}/own`, rows.value], [ROWS], { attributes: { axis: 1 } }),
      ...copyHead(found, PREFIX, ROWS, cut, normed).nodes,
      slice(LOGITS, 0, 1, "logits"),
      own,
    ];
  }
  const constants = [
    integer("axis", 1),
    integer("last", -1),
    integer("end", 2 ** 53),
    ...new Set([0, 1, start, start + rows.count]),
  ].map((one) => (typeof one === "number" ? integer(`row_${one}`, one) : one));
  const isNew = (tensor: OnnxTensor) => index.initializer(tensor.name) === undefined;
  return changed(graph, {
    nodes,
    initializers: [...graph.initializers, ...readBy(nodes, constants.filter(isNew))],
    outputs: graph.outputs.map((value) =>
      value.name === "logits" && value.dims !== undefined
        ? makeValueInfo("logits", value.elemType, [value.dims[0] ?? null, 1, value.dims[2] ?? null])
        : value,
    ),
  });
}

/** How many rows the head reads already. */
function rowsRead(index: GraphIndex): number {
  const ends = index.consumers(LOGITS).map(({ inputs }) => index.constantIntegers(inputs[2] ?? ""));
  return Math.max(...ends.map((end) => end?.[0] ?? 1));
}

function integer(title: string, value: number): OnnxTensor {
  return makeTensor(`${PREFIX}/${title}`, [1], BigInt64Array.of(BigInt(value)));
}
