import type { Tensor } from "onnxruntime-common";
import { InferenceError, ModelLoadError } from "../../errors.js";
import type { CacheArray, CacheGeometry } from "./key-value-cache.js";
import type { Session } from "./runtime.js";

/** A cache tensor's elements; float16 as bits, whatever array the runtime hands them out in. */
export function cacheArray({ data, type }: Tensor): CacheArray {
  if (data instanceof Float32Array || data instanceof Uint16Array) return data;
  if (type === "float16" && ArrayBuffer.isView(data)) {
    return new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2);
  }
  throw new InferenceError(
    `the decoder returned cache rows of type ${type}; expected float32 or float16`,
  );
}

/**
 * Heads and head size per layer, from the shapes of the past inputs (B, H, P, D).
 *
 * @throws ModelLoadError when there are none, or of unknown size
 */
export function readGeometry(session: Session): CacheGeometry {
  const layers: { heads: number; headSize: number }[] = [];
  let isHalf = false;
  for (const input of session.inputMetadata) {
    const layer = /^past_key_values\.(\d+)\.key$/.exec(input.name)?.[1];
    if (layer === undefined || !input.isTensor) continue;
    const [, heads, , headSize] = input.shape;
    if (typeof heads !== "number" || typeof headSize !== "number") {
      throw new ModelLoadError(
        `decoder: input ${input.name} has shape (${input.shape.join(", ")}); expected known numbers of heads and head size`,
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

/** Views (V) of the last position of each row in logits (B, kept, V). */
export function lastLogits(logits: Tensor | undefined, batch: number): Float32Array[] {
  if (logits === undefined || logits.type !== "float32") {
    throw new InferenceError(
      `the decoder returned logits of type ${logits?.type ?? "none"}; expected float32`,
    );
  }
  const [, kept, vocabulary] = logits.dims as readonly [number, number, number];
  const data = logits.data as Float32Array;
  return Array.from({ length: batch }, (_, i) => {
    const end = (i + 1) * kept * vocabulary;
    return data.subarray(end - vocabulary, end);
  });
}
