/**
 * Patches a decoder so that it returns only the key and value rows it has just computed, not the whole cache.
 *
 * An exported decoder maps past_key_values.N.key [B, H, P, D] to present.N.key [B, H, P+S, D]. ONNX Runtime copies
 * every output into a fresh JavaScript buffer, so each token costs a copy of the whole cache, and a second one to join
 * it. The patched decoder returns new.N.key [B, H, S, D] instead; past inputs are unchanged. Inputs on the CPU are not
 * copied: the session reads the typed array it is fed, so the caller may own one buffer and write rows into it.
 *
 * ## How to keep the past
 * A tensor [B, H, P, D] is contiguous per head: with P the exact length, one more row moves every later head. Feed a
 * buffer of fixed capacity C >= P instead (grown by blocks, say of 128 rows), write row p of head h of stream b at
 * ((b*H + h)*C + p)*D, and tell the graph by its mask which slots are filled. Unused slots must hold finite numbers.
 * Attention styles read the mask differently ({@link CacheDelta.pastLayout}):
 *
 * - `"masked"` (Concat style; MultiHeadAttention and Attention whose mask is made of attention_mask): attention_mask is [B, C+S], one element per slot: 1 for filled slots of the past, 0 for
 *   unused ones, then 1 for each new token. Masked slots weigh exactly zero. Slots have no order but for the S new
 *   ones, since positions are given by position_ids (which are therefore required): each stream may have its own
 *   number of filled slots, and a prefill of unequal prompts simply masks its padding.
 * - `"counted"` (GroupQueryAttention): attention_mask is [B, T] and only its sum per row is used: stream b holds
 *   n_b = sum(mask[b]) tokens in all, in slots 0..n_b-1 without a hole, and T is the largest n_b. The operator takes
 *   the first n_b - S rows of the past, whatever its capacity C, and works out positions from the counts unless the
 *   graph has position_ids. Unequal prompts are padded on the right: mask ones first, then zeros. Beyond the first
 *   pass, S > 1 needs B = 1.
 * - `"exact"` (any other): P must be the exact length.
 *
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#commicrosoftgroupqueryattention
 */
import { UnsupportedCapabilityError } from "../../errors.js";
import { declareInternal, makeNode, makeValueInfo } from "../build.js";
import { type FusedStyle, followsMask, fusedStyle, readsPast } from "../fused-attention.js";
import { GraphIndex, integerAttribute } from "../graph-index.js";
import { changed, type OnnxModel, type OnnxNode, type OnnxValueInfo } from "../graph-model.js";
import { readBy } from "../remove-unused.js";
import { CountedRows, LastRows, type RowSelector } from "./new-rows.js";

/** How attention joins past and new rows. */
export type AttentionStyle = "concat" | FusedStyle;

/** How the past may be fed; see the notes at the head of this file. */
export type PastLayout = "masked" | "counted" | "exact";

/** Names of one layer's cache values in the patched graph. */
export interface CacheDeltaLayer {
  readonly layer: number;
  readonly pastKey: string;
  readonly pastValue: string;
  readonly newKey: string;
  readonly newValue: string;
}

/** A decoder that returns new rows only. */
export interface CacheDelta {
  readonly model: OnnxModel;
  readonly attention: AttentionStyle;
  readonly pastLayout: PastLayout;
  readonly layers: readonly CacheDeltaLayer[];
  /** Element type of the cache, as in TensorProto.DataType: 1 float32, 10 float16. */
  readonly elemType: number;
}

const PRESENT = /^present(?:_key_values)?\.(\d+)\.(key|value)$/;

interface Source {
  readonly attention: AttentionStyle;
  /** The value that already holds only the new rows, or the whole present from which `node` tells how to select. */
  readonly value: string;
  readonly whole: boolean;
  readonly node: OnnxNode;
}

/**
 * Replaces the present outputs of a decoder by outputs for the new rows alone.
 *
 * The given model is not touched. Logits and all other outputs are computed by the same nodes as before.
 *
 * @param model a decoder with past_key_values.N.key/value inputs and present.N.key/value outputs
 * @throws UnsupportedCapabilityError naming the output or node looked for and what was found; the plain path still works
 */
export function returnNewRows(model: OnnxModel): CacheDelta {
  const index = new GraphIndex(model.graph);
  const presents = model.graph.outputs.filter(({ name }) => PRESENT.test(name));
  if (presents.length === 0) {
    const found = model.graph.outputs.map(({ name }) => name).join(", ");
    throw new UnsupportedCapabilityError(
      `looked for outputs present.N.key and present.N.value, found ${found}`,
    );
  }
  const sources = presents.map((present) => findSource(index, present.name));
  const [first] = sources;
  const attention = first?.attention ?? "concat";
  if (sources.some((source) => source.attention !== attention)) {
    throw new UnsupportedCapabilityError(
      `looked for one attention style in all layers, found ${[...new Set(sources.map((source) => source.attention))].join(" and ")}`,
    );
  }
  const selector =
    first === undefined || attention === "concat" ? undefined : selectorFor(attention, first.node);
  const nodes: OnnxNode[] = [];
  const outputs = new Map<string, OnnxValueInfo>();
  presents.forEach((present, i) => {
    const source = sources[i];
    if (source === undefined) return;
    const output = newName(present.name);
    const dims = present.dims ?? [null, null, null, null];
    outputs.set(
      present.name,
      makeValueInfo(output, present.elemType, [
        dims[0] ?? null,
        dims[1] ?? null,
        "new_rows",
        dims[3] ?? null,
      ]),
    );
    if (source.whole && selector !== undefined)
      nodes.push(...selector.select(source.value, output, present));
    else nodes.push(makeNode("Identity", [source.value], [output]));
  });
  const added = [...(selector?.shared() ?? []), ...nodes];
  const graph = changed(model.graph, {
    nodes: [...model.graph.nodes, ...added],
    initializers: [...model.graph.initializers, ...readBy(added, selector?.constants() ?? [])],
    outputs: model.graph.outputs.map((output) => outputs.get(output.name) ?? output),
    rest: [...model.graph.rest, ...presents.map(declareInternal)],
  });
  return {
    model: changed(model, { graph }),
    attention,
    pastLayout: layoutOf(sources, index),
    layers: layerNames(presents),
    elemType: presents[0]?.elemType ?? 0,
  };
}

function selectorFor(attention: AttentionStyle, node: OnnxNode): RowSelector {
  return attention === "group-query" ? new CountedRows(node) : new LastRows(node);
}

/** Finds where a present output comes from, and checks that it joins this layer's past with new rows. */
function findSource(index: GraphIndex, present: string): Source {
  const past = pastName(present);
  if (index.input(past) === undefined) {
    throw new UnsupportedCapabilityError(
      `looked for input ${past} beside output ${present}, found none`,
    );
  }
  const value = index.origin(present);
  const node = index.producer(value);
  if (node?.opType === "Concat" && node.domain === "") {
    const axis = integerAttribute(node, "axis", 0);
    const [before, added] = node.inputs;
    if (
      node.inputs.length === 2 &&
      before !== undefined &&
      added !== undefined &&
      (axis === 2 || axis === -2)
    ) {
      if (index.origin(before) === past)
        return { attention: "concat", value: added, whole: false, node };
    }
  }
  const style = node === undefined ? undefined : fusedStyle(node);
  if (node !== undefined && style !== undefined && readsPast(node, past, index)) {
    return { attention: style, value, whole: true, node };
  }
  const found =
    node === undefined
      ? "no node"
      : `${node.opType} "${node.name}" with inputs ${node.inputs.join(", ")}`;
  throw new UnsupportedCapabilityError(
    `looked for a Concat of ${past} with new rows on axis 2, or a fused attention reading ${past}, behind ${present}; found ${found}`,
  );
}

function layoutOf(sources: readonly Source[], index: GraphIndex): PastLayout {
  if (index.input("attention_mask") === undefined) return "exact";
  if (sources[0]?.attention === "group-query") return "counted";
  const isMasked = sources.every(
    ({ attention, node }) => attention === "concat" || followsMask(node, index),
  );
  return isMasked && index.input("position_ids") !== undefined ? "masked" : "exact";
}

function layerNames(presents: readonly OnnxValueInfo[]): CacheDeltaLayer[] {
  const layers = [...new Set(presents.map(({ name }) => Number(PRESENT.exec(name)?.[1])))].sort(
    (a, b) => a - b,
  );
  return layers.map((layer) => ({
    layer,
    pastKey: `past_key_values.${layer}.key`,
    pastValue: `past_key_values.${layer}.value`,
    newKey: `new.${layer}.key`,
    newValue: `new.${layer}.value`,
  }));
}

function pastName(present: string): string {
  return present.replace(PRESENT, "past_key_values.$1.$2");
}

function newName(present: string): string {
  return present.replace(PRESENT, "new.$1.$2");
}
