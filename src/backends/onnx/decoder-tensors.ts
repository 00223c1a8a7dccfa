import type { Tensor } from "onnxruntime-common";
import { InferenceError, ModelLoadError } from "../../errors.js";
import type { CheckpointFacts } from "../../families/family.js";
import { type CacheArray, cacheArrayType } from "./cache-array.js";
import type { CacheGeometry } from "./decoder-cache.js";
import { type StateGeometry, stateSize } from "./fixed-states.js";
import { cacheTensor, float32, halves } from "./float-tensors.js";
import type { Runtime, Session, Tensors } from "./runtime.js";

/** A cache tensor's elements; float16 as bits, whatever array the runtime hands them out in. */
export function cacheArray({ data, type }: Tensor): CacheArray {
  if (data instanceof Float32Array || data instanceof Uint16Array) return data;
  if (type === "float16" && ArrayBuffer.isView(data)) return halves(data);
  throw new InferenceError(
    `the decoder returned cache rows of type ${type}; expected float32 or float16`,
  );
}

/** An input of known type and shape. */
interface PastInput {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly (number | string)[];
}

/**
 * What a decoder keeps of a context, from the shapes of its past inputs: `past_key_values.N.key` (B, H, P, D),
 * `past_conv.N` and `past_recurrent.N` (B, ...).
 *
 * @param told what the checkpoint's configuration says, for shapes that are symbolic
 * @throws ModelLoadError when there are none, or of unknown size
 */
export function readGeometry(session: Session, told?: CheckpointFacts["cache"]): CacheGeometry {
  const inputs = session.inputMetadata.flatMap((input) => (input.isTensor ? [input] : []));
  const keys = inputs.flatMap((input) => {
    const layer = /^past_key_values\.(\d+)\.key$/.exec(input.name)?.[1];
    return layer === undefined ? [] : [{ input, layer: Number(layer) }];
  });
  if (keys.length === 0) {
    throw new ModelLoadError(
      "decoder: it has no past_key_values inputs; export it with a key/value cache (decoder_model_merged)",
    );
  }
  const layers = keys.map(({ input, layer }) => {
    const heads = sizeOr(input.shape[1], told?.heads);
    const headSize = sizeOr(input.shape[3], told?.headSize);
    if (heads === undefined || headSize === undefined) refuse(input, "heads and head size");
    return { layer, heads, headSize };
  });
  return {
    layers: layers.sort((one, other) => one.layer - other.layer),
    ArrayType: cacheArrayType(keys[0]!.input.type),
    states: inputs.flatMap((input) => stateOf(input, told) ?? []),
  };
}

/** The state of fixed size that an input brings, if it brings one. */
function stateOf(input: PastInput, told: CheckpointFacts["cache"]): StateGeometry | undefined {
  const [, name, kind] = /^past_((conv|recurrent)\.\d+)$/.exec(input.name) ?? [];
  if (name === undefined) return undefined;
  const known = told?.states?.[kind as "conv" | "recurrent"];
  const dims = input.shape.slice(1).map((dim, i) => sizeOr(dim, known?.[i]));
  if (!dims.every((dim) => dim !== undefined)) refuse(input, "a state of fixed size");
  return { name, dims, ArrayType: cacheArrayType(input.type) };
}

function refuse({ name, shape }: PastInput, what: string): never {
  throw new ModelLoadError(
    `decoder: input ${name} has shape (${shape.join(", ")}); expected numbers of ${what}, there or in config.json`,
  );
}

/** A dimension, or what is told of it where it is symbolic. */
function sizeOr(
  dimension: number | string | undefined,
  told: number | undefined,
): number | undefined {
  return typeof dimension === "number" && dimension > 0 ? dimension : told;
}

/** How many layers a decoder has, as far as what it keeps tells. */
export function layerCount({ layers, states }: CacheGeometry): number {
  const numbers = [
    ...layers.map(({ layer }) => layer),
    ...states.map(({ name }) => Number(name.split(".")[1])),
  ];
  return Math.max(...numbers) + 1;
}

/** The past of a context without tokens: no rows, and states of zeros. */
export function emptyPast(runtime: Runtime, { layers, ArrayType, states }: CacheGeometry): Tensors {
  const past: Tensors = {};
  for (const { layer, heads, headSize } of layers) {
    for (const kind of ["key", "value"]) {
      const dims = [1, heads, 0, headSize];
      past[`past_key_values.${layer}.${kind}`] = cacheTensor(runtime, new ArrayType(0), dims);
    }
  }
  for (const state of states) {
    const zeros = new state.ArrayType(stateSize(state));
    past[`past_${state.name}`] = cacheTensor(runtime, zeros, [1, ...state.dims]);
  }
  return past;
}

/**
 * Views (V) of every position of logits (1, steps, V); undefined where the graph keeps fewer of them.
 */
export function allLogits(logits: Tensor | undefined, steps: number): Float32Array[] | undefined {
  const [, kept, vocabulary] = (logits?.dims ?? []) as readonly number[];
  if (logits === undefined || kept !== steps || vocabulary === undefined) return undefined;
  const all = float32(logits, "the decoder");
  return Array.from({ length: steps }, (_, i) =>
    all.subarray(i * vocabulary, (i + 1) * vocabulary),
  );
}

/** Views (V) of the last position of each row in logits (B, kept, V). */
export function lastLogits(logits: Tensor | undefined, batch: number): Float32Array[] {
  if (logits === undefined) {
    throw new InferenceError("the decoder returned no logits; expected an output of that name");
  }
  const [, kept, vocabulary] = logits.dims as readonly [number, number, number];
  return Array.from({ length: batch }, (_, i) => {
    const end = (i + 1) * kept * vocabulary;
    return float32(logits, "the decoder", end - vocabulary, end);
  });
}

/**
 * What a decoder is told of a run, by those inputs that it has: how many logits it is to keep, and, in merged exports of
 * two branches, whether there is a past.
 *
 * @param kept how many of the last positions' logits
 */
export function runSettings(
  { Tensor }: Runtime,
  { inputNames }: Session,
  hasPast: boolean,
  kept = 1,
): Tensors {
  const settings: Tensors = {};
  if (inputNames.includes("num_logits_to_keep")) {
    settings.num_logits_to_keep = new Tensor("int64", BigInt64Array.of(BigInt(kept)), []);
  }
  if (inputNames.includes("use_cache_branch")) {
    settings.use_cache_branch = new Tensor("bool", Uint8Array.of(hasPast ? 1 : 0), [1]);
  }
  return settings;
}
