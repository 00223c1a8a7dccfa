/**
 * Patches a decoder of the Concat style so that attention reads the past where it lies.
 *
 * An exported decoder joins past and new rows, and repeats each key/value head for its query heads, before it
 * multiplies: the whole cache is copied several times per token. The same products can be taken in two parts, with
 * the query heads of one key/value head as rows of one matrix, so that nothing as long as the cache is copied:
 *
 *     q K^T      = [ q K_past^T , q K_new^T ]              (scores, joined: one number per slot)
 *     w V        = w_past V_past + w_new V_new             (weights, cut at the length of the past)
 *
 * Shapes: B batch, H query heads, KV key/value heads, G = H / KV, S new tokens, P slots of the past, D head size.
 */
import { UnsupportedCapabilityError } from "../../errors.js";
import { makeNode, makeTensor } from "../build.js";
import { type AttentionCore, findAttentionCores, isReturned } from "../find-attention.js";
import { GraphIndex } from "../graph-index.js";
import { changed, type OnnxModel, type OnnxNode, type OnnxTensor } from "../graph-model.js";
import { removeUnused } from "../remove-unused.js";

const PREFIX = "split_attention";
const ALLOW_ZERO = { attributes: { allowzero: 1 } };

/**
 * Splits every layer's attention into its past and new part.
 *
 * @param model a decoder with past_key_values.N.key/value inputs; not touched
 * @returns the patched model; logits differ from the given one's by rounding only
 * @throws UnsupportedCapabilityError naming what was looked for and found; the model as given still works
 */
export function splitAttention(model: OnnxModel): OnnxModel {
  const opset = model.opsets.find(({ domain }) => domain === "" || domain === "ai.onnx");
  if (opset === undefined || opset.version < 14) {
    throw new UnsupportedCapabilityError(
      `looked for operator set 14 or later, found ${opset?.version ?? "none"}`,
    );
  }
  const hasSubgraph = model.graph.nodes.some(({ attributes }) =>
    attributes.some((attribute) => attribute.value?.kind === "graph"),
  );
  if (hasSubgraph) {
    throw new UnsupportedCapabilityError(
      "looked for a graph without subgraphs, found If, Loop or Scan",
    );
  }
  const graph = removeUnused(model.graph);
  const index = new GraphIndex(graph);
  const cores = findAttentionCores(index);
  const returned = cores
    .flatMap(({ joined }) => [joined.key, joined.value])
    .find((joined) => isReturned(index, joined));
  if (returned !== undefined) {
    throw new UnsupportedCapabilityError(
      `looked for one reader of ${returned}, found that the graph returns it as well: let it return new rows first`,
    );
  }
  const replacements = new Map<OnnxNode, OnnxNode[]>();
  cores.forEach((core, i) => {
    const shapes = i === 0 ? sharedShapes(core) : [];
    replacements.set(core.scores, [...shapes, ...splitScores(core)]);
    replacements.set(core.mixing, splitMixing(core));
  });
  const nodes = graph.nodes.flatMap((node) => replacements.get(node) ?? [node]);
  const initializers = [...graph.initializers, ...constants(cores[0]!)];
  return changed(model, { graph: removeUnused(changed(graph, { nodes, initializers })) });
}

/** Shapes that all layers share, taken from the first one's query [B, H, S, D] and past key [B, KV, P, D]. */
function sharedShapes({ query, past }: AttentionCore): OnnxNode[] {
  const part = (of: string, from: number, to: number, output: string) =>
    makeNode("Slice", [value(of), value(`at_${from}`), value(`at_${to}`)], [value(output)]);
  return [
    makeNode("Shape", [query], [value("query_shape")]),
    makeNode("Shape", [past.key], [value("past_shape")]),
    part("query_shape", 0, 1, "batch"),
    part("query_shape", 0, 3, "query_dims"),
    part("query_shape", 1, 2, "heads"),
    part("query_shape", 2, 3, "new_length"),
    part("past_shape", 2, 3, "past_length"),
    makeNode("Mul", [value("heads"), value("new_length")], [value("head_rows")]),
    makeNode("Div", [value("head_rows"), value("kv_heads")], [value("group_rows")]),
    // [B, KV, G S, ...]: the query heads of one key/value head as rows of one matrix
    join(["batch", "kv_heads", "group_rows", "head_size"], "grouped_query"),
    join(["batch", "kv_heads", "group_rows", "past_length"], "grouped_past"),
    join(["batch", "kv_heads", "group_rows", "new_length"], "grouped_new"),
    join(["query_dims", "past_length"], "scores_past"),
    join(["query_dims", "new_length"], "scores_new"),
  ];
}

/** [B, H, S, D] x past and new keys -> scores [B, H, S, P + S] under the name of the products they replace. */
function splitScores({ query, past, added, scores, keyScale }: AttentionCore): OnnxNode[] {
  const name = (part: string) => `${scores.name}/${part}`;
  const scaled = keyScale === undefined ? query : name("scaled_query");
  const products = (keys: string, part: string) => [
    makeNode("Transpose", [keys], [name(`${part}_keys`)], { attributes: { perm: [0, 1, 3, 2] } }),
    makeNode("MatMul", [name("query"), name(`${part}_keys`)], [name(`${part}_products`)]),
    reshape(name(`${part}_products`), `scores_${part}`, name(`${part}_scores`)),
  ];
  return [
    ...(keyScale === undefined ? [] : [makeNode("Mul", [query, keyScale], [scaled])]),
    reshape(scaled, "grouped_query", name("query")),
    ...products(past.key, "past"),
    ...products(added.key, "new"),
    makeNode("Concat", [name("past_scores"), name("new_scores")], scores.outputs, {
      attributes: { axis: -1 },
    }),
  ];
}

/** Weights [B, H, S, P + S] x past and new values -> [B, H, S, D] under the name of the product they replace. */
function splitMixing({ past, added, mixing, weights }: AttentionCore): OnnxNode[] {
  const name = (part: string) => `${mixing.name}/${part}`;
  const mix = (values: string, part: string, from: string, to: string) => [
    makeNode("Slice", [weights, value(from), value(to), value("at_3")], [name(`${part}_weights`)]),
    reshape(name(`${part}_weights`), `grouped_${part}`, name(`${part}_grouped`)),
    makeNode("MatMul", [name(`${part}_grouped`), values], [name(`${part}_mixed`)]),
  ];
  return [
    ...mix(past.value, "past", "at_0", "past_length"),
    ...mix(added.value, "new", "past_length", "end"),
    makeNode("Add", [name("past_mixed"), name("new_mixed")], [name("mixed")]),
    makeNode("Reshape", [name("mixed"), value("query_shape")], mixing.outputs, ALLOW_ZERO),
  ];
}

function constants({ kvHeads, headSize }: AttentionCore): OnnxTensor[] {
  const integer = (name: string, number: number | bigint) =>
    makeTensor(value(name), [1], BigInt64Array.of(BigInt(number)));
  return [
    ...[0, 1, 2, 3].map((number) => integer(`at_${number}`, number)),
    integer("end", 2n ** 62n),
    integer("kv_heads", kvHeads),
    integer("head_size", headSize),
  ];
}

function value(name: string): string {
  return `${PREFIX}/${name}`;
}

function join(parts: readonly string[], output: string): OnnxNode {
  return makeNode("Concat", parts.map(value), [value(output)], { attributes: { axis: 0 } });
}

function reshape(input: string, shape: string, output: string): OnnxNode {
  return makeNode("Reshape", [input, value(shape)], [output], ALLOW_ZERO);
}
