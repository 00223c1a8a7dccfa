import type { Tensor } from "onnxruntime-common";
import { InferenceError, ModelLoadError } from "../../errors.js";
import type { CheckpointFacts } from "../../families/family.js";
import { float32, halves } from "./float-tensors.js";
import type { CacheArray, CacheGeometry } from "./key-value-cache.js";
import type { Session } from "./runtime.js";

/** A cache tensor's elements; float16 as bits, whatever array the runtime hands them out in. */
export function cacheArray({ data, type }: Tensor): CacheArray {
  if (data instanceof Float32Array || data instanceof Uint16Array) return data;
  if (type === "float16" && ArrayBuffer.isView(data)) return halves(data);
  throw new InferenceError(
    `the decoder returned cache rows of type ${type}; expected float32 or float16`,
  );
}

/**
 * Heads and head size per layer, from the shapes of the past inputs (B, H, P, D).
 *
 * @param told what the checkpoint's configuration says, for shapes that are symbolic
 * @throws ModelLoadError when there are none, or of unknown size
 */
export function readGeometry(session: Session, told?: CheckpointFacts["cache"]): CacheGeometry {
  const layers: { heads: number; headSize: number }[] = [];
  let isHalf = false;
  for (const input of session.inputMetadata) {
    const layer = /^past_key_values\.(\d+)\.key$/.exec(input.name)?.[1];
    if (layer === undefined || !input.isTensor) continue;
    const heads = sizeOr(input.shape[1], told?.heads);
    const headSize = sizeOr(input.shape[3], told?.headSize);
    if (typeof heads !== "number" || typeof headSize !== "number") {
      throw new ModelLoadError(
        `decoder: input ${input.name} has shape (${input.shape.join(", ")}); expected numbers of heads and head size, there or in config.json`,
      );
    }
    layers[Number(layer)] = { heads, headSize };
    isHalf = input.type === "float16";
  }
  if (layers.length === 0) {
    throw new ModelLoadError(
      "decoder: it has no past_key_values inputs; export it with a key/value cache (decoder_model_merged)",
    );
  }
  return { layers, ArrayType: isHalf ? Uint16Array : Float32Array };
}

/** A dimension, or what is told of it where it is symbolic. */
function sizeOr(dimension: number | string | undefined, told: number | undefined): unknown {
  return typeof dimension === "number" && dimension > 0 ? dimension : told;
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
