import type { Tensor } from "onnxruntime-common";
import type { TensorData } from "../../engine/tensor-data.js";
import { InferenceError } from "../../errors.js";
import { fromFloat16, toFloat16 } from "../../math/half.js";
import type { CacheArray } from "./cache-array.js";
import type { Runtime, Session } from "./runtime.js";

/**
 * Numbers of a tensor from `start` to `end` in float32; those of a float32 tensor are not copied.
 *
 * @param source what returned it, for the message
 * @throws InferenceError when it holds no floats
 */
export function float32(
  { data, type }: Tensor,
  source: string,
  start?: number,
  end?: number,
): Float32Array {
  if (data instanceof Float32Array) return start === undefined ? data : data.subarray(start, end);
  if (type === "float16" && ArrayBuffer.isView(data))
    return fromFloat16(halves(data).subarray(start, end));
  throw new InferenceError(`${source} returned ${type}; expected float32 or float16`);
}

/** The bits of float16 numbers, whatever array the runtime hands them out in. */
export function halves(data: ArrayBufferView): Uint16Array {
  return data instanceof Uint16Array
    ? data
    : new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2);
}

/** Numbers as a tensor of the type that an input of a graph has: floats as float16, flags as integers, where it says so. */
export function inputTensor(
  { Tensor }: Runtime,
  { inputMetadata }: Session,
  name: string,
  { data, dims }: TensorData<Float32Array | BigInt64Array | Uint8Array>,
): Tensor {
  const input = inputMetadata.find((one) => one.name === name);
  const type = input?.isTensor === true ? input.type : undefined;
  if (data instanceof Float32Array) {
    if (type === "float16") return new Tensor("float16", toFloat16(data), dims);
    return new Tensor("float32", data, dims);
  }
  if (type === "bool") return new Tensor("bool", Uint8Array.from(data, Number), dims);
  if (type === "int32") return new Tensor("int32", Int32Array.from(data, Number), dims);
  if (type === "int64" || data instanceof BigInt64Array)
    return new Tensor("int64", BigInt64Array.from(data, BigInt), dims);
  return new Tensor("bool", data, dims);
}

/** Rows of a cache as a tensor: float32, or the bits of float16. */
export function cacheTensor(
  { Tensor }: Runtime,
  data: CacheArray,
  dims: readonly number[],
): Tensor {
  return data instanceof Float32Array
    ? new Tensor("float32", data, dims)
    : new Tensor("float16", data, dims);
}
