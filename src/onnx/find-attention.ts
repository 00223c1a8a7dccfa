import { UnsupportedCapabilityError } from "../errors.js";
import { type GraphIndex, integerAttribute } from "./graph-index.js";
import type { OnnxNode } from "./graph-model.js";

/** Names of a layer's key and value rows. */
interface KeyValue {
  readonly key: string;
  readonly value: string;
}

/** The two products of one layer's attention, and what they multiply. */
export interface AttentionCore {
  readonly layer: number;
  readonly kvHeads: number;
  readonly headSize: number;
  /** Rows of the past as fed, [B, KV, P, D]. */
  readonly past: KeyValue;
  /** Rows of the new tokens, [B, KV, S, D]. */
  readonly added: KeyValue;
  /** Both joined, [B, KV, P + S, D]. */
  readonly joined: KeyValue;
  /** MatMul of query and keys. */
  readonly scores: OnnxNode;
  /** The query, [B, H, S, D]. */
  readonly query: string;
  /** A scalar that multiplies the keys on their way, if any. */
  readonly keyScale: string | undefined;
  /** MatMul of weights and values. */
  readonly mixing: OnnxNode;
  /** The weights, [B, H, S, P + S]. */
  readonly weights: string;
}

/** What lies between a joined cache and the product that reads it. */
interface Route {
  readonly product: OnnxNode;
  readonly isTransposed: boolean;
  readonly scale: string | undefined;
}

const PAST_KEY = /^past_key_values\.(\d+)\.key$/;

/**
 * Finds the attention of every layer of a decoder of the Concat style: the joined keys may be repeated for their query
 * heads (Unsqueeze on axis 2, Expand, Reshape), transposed and scaled on the way to their product, the values repeated.
 * Whether the graph also returns the joined cache does not matter.
 *
 * @param index of a graph without nodes that nothing depends on
 * @throws UnsupportedCapabilityError naming the layer, what was looked for and what was found
 */
export function findAttentionCores(index: GraphIndex): AttentionCore[] {
  const layers = index.graph.inputs.flatMap(({ name }) => {
    const layer = PAST_KEY.exec(name)?.[1];
    return layer === undefined ? [] : [Number(layer)];
  });
  const cores = layers.sort((a, b) => a - b).map((layer) => findAttentionCore(index, layer));
  if (cores.length === 0) throw unsupported("inputs past_key_values.N.key", "none");
  const [first] = cores;
  const other = cores.find(
    ({ kvHeads, headSize }) => kvHeads !== first!.kvHeads || headSize !== first!.headSize,
  );
  if (other !== undefined)
    throw unsupported("one shape of cache in all layers", `another in layer ${other.layer}`);
  return cores;
}

/**
 * As {@link findAttentionCores}, of one layer.
 *
 * @throws UnsupportedCapabilityError naming what was looked for and what was found
 */
export function findAttentionCore(index: GraphIndex, layer: number): AttentionCore {
  const past = { key: `past_key_values.${layer}.key`, value: `past_key_values.${layer}.value` };
  const [keys, values] = [findJoin(index, past.key), findJoin(index, past.value)];
  const [, kvHeads, , headSize] = index.input(past.key)?.dims ?? [];
  const valueSize = index.input(past.value)?.dims?.[3];
  if (typeof kvHeads !== "number" || typeof headSize !== "number" || valueSize !== headSize) {
    throw unsupported(
      `known and equal head sizes of ${past.key} and ${past.value}`,
      `${headSize}, ${valueSize}`,
    );
  }
  const toScores = findRoute(index, keys.outputs[0]!, past.key);
  const toMixing = findRoute(index, values.outputs[0]!, past.value);
  if (!toScores.isTransposed || toMixing.isTransposed || toMixing.scale !== undefined) {
    throw unsupported(
      `a product with the transpose of ${past.key} and one with ${past.value}`,
      "others",
    );
  }
  return {
    layer,
    kvHeads,
    headSize,
    past,
    added: { key: keys.inputs[1]!, value: values.inputs[1]! },
    joined: { key: keys.outputs[0]!, value: values.outputs[0]! },
    scores: toScores.product,
    query: toScores.product.inputs[0]!,
    keyScale: toScores.scale,
    mixing: toMixing.product,
    weights: toMixing.product.inputs[0]!,
  };
}

/** The Concat of a past input with new rows. */
function findJoin(index: GraphIndex, past: string): OnnxNode {
  const readers = index.consumers(past).filter(({ opType }) => opType !== "Shape");
  const [join] = readers;
  const axis = join === undefined ? undefined : integerAttribute(join, "axis", 0);
  const isJoin = join?.opType === "Concat" && join.inputs.length === 2 && join.inputs[0] === past;
  if (readers.length === 1 && isJoin && (axis === 2 || axis === -2)) return join;
  throw unsupported(`one Concat of ${past} with new rows on axis 2`, describe(readers));
}

/** Follows a joined cache to the one product that reads it. */
function findRoute(index: GraphIndex, joined: string, past: string): Route {
  let value = joined;
  let isTransposed = false;
  let scale: string | undefined;
  let isUnsqueezed = false;
  for (;;) {
    const readers = index
      .consumers(value)
      .filter((node) => node.opType !== "Shape" && !returns(index, node));
    const [node] = readers;
    if (node === undefined || readers.length > 1) {
      throw unsupported(
        `one reader of ${value}, on the way from ${past} to a MatMul`,
        describe(readers),
      );
    }
    if (node.opType === "MatMul" && node.inputs[1] === value && node.inputs[0] !== value) {
      return { product: node, isTransposed, scale };
    }
    if (node.opType === "Mul" && scale === undefined && isScalar(index, otherInput(node, value))) {
      scale = otherInput(node, value);
    } else if (node.inputs[0] !== value) {
      throw unsupported(`${past} as first input on its way to a MatMul`, describe([node]));
    } else if (node.opType === "Transpose" && !isTransposed && swapsLastTwo(node)) {
      isTransposed = true;
    } else if (
      node.opType === "Unsqueeze" &&
      !isUnsqueezed &&
      !isTransposed &&
      onAxisTwo(index, node)
    ) {
      isUnsqueezed = true;
    } else if (!(isUnsqueezed && (node.opType === "Expand" || node.opType === "Reshape"))) {
      throw unsupported(
        `only repetition, transposition and scale between ${past} and its MatMul`,
        describe([node]),
      );
    }
    value = node.outputs[0]!;
  }
}

/** Whether a graph returns a value, as it is or under another name. */
export function isReturned(index: GraphIndex, value: string): boolean {
  return (
    index.output(value) !== undefined || index.consumers(value).some((node) => returns(index, node))
  );
}

function returns(index: GraphIndex, node: OnnxNode): boolean {
  return node.opType === "Identity" && index.output(node.outputs[0] ?? "") !== undefined;
}

function otherInput(node: OnnxNode, value: string): string {
  return node.inputs[0] === value ? (node.inputs[1] ?? "") : (node.inputs[0] ?? "");
}

function isScalar(index: GraphIndex, value: string): boolean {
  const tensor = index.constantTensor(value);
  return tensor?.dims.every((dim) => dim === 1) ?? false;
}

function swapsLastTwo(node: OnnxNode): boolean {
  const perm = node.attributes.find(({ name }) => name === "perm")?.value;
  return perm?.kind === "ints" && perm.ints.join() === "0,1,3,2";
}

function onAxisTwo(index: GraphIndex, node: OnnxNode): boolean {
  return index.constantIntegers(node.inputs[1] ?? "")?.join() === "2";
}

function describe(nodes: readonly OnnxNode[]): string {
  if (nodes.length === 0) return "none";
  return nodes.map(({ opType, name }) => `${opType} "${name}"`).join(", ");
}

function unsupported(lookedFor: string, found: string): UnsupportedCapabilityError {
  return new UnsupportedCapabilityError(`looked for ${lookedFor}, found ${found}`);
}
