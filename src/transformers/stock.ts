/** What of transformers.js is used here, as far as it is: nothing of it is imported. */

/** A tensor. */
export interface StockTensor {
  readonly type: string;
  readonly data: ArrayLike<unknown>;
  readonly dims: readonly number[];
}

/** An image, as transformers.js has it (RawImage). */
export interface StockImage {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
  /** 3, red, green and blue: `image.rgb()`. */
  readonly channels: number;
}

/** A loaded model. */
export interface StockModel {
  /** What the checkpoint's generation_config.json says. */
  readonly generation_config?: unknown;
}

/** Numbers of a tensor. */
export type Numbers = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array;

/** Whether a value is a tensor. */
export function isTensor(value: unknown): value is StockTensor {
  return (
    typeof value === "object" &&
    value !== null &&
    "dims" in value &&
    Array.isArray(value.dims) &&
    "data" in value
  );
}

/** Tensors one behind the other along the first axis, as a tensor of the same class. */
export function joined(tensors: readonly StockTensor[]): StockTensor {
  const first = tensors[0]!;
  const parts = tensors.map(({ data }) => data as Numbers);
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const data = new (classOf<new (length: number) => Numbers>(first.data))(length);
  let at = 0;
  for (const part of parts) {
    (data as Float32Array).set(part as Float32Array, at);
    at += part.length;
  }
  const rows = tensors.reduce((sum, one) => sum + one.dims[0]!, 0);
  return make(first, data, [rows, ...first.dims.slice(1)]);
}

/** A tensor like another, with other numbers. */
export function like(tensor: StockTensor, data: Numbers): StockTensor {
  return make(tensor, data, [...tensor.dims]);
}

type TensorClass = new (type: string, data: Numbers, dims: number[]) => StockTensor;

function make(tensor: StockTensor, data: Numbers, dims: number[]): StockTensor {
  return new (classOf<TensorClass>(tensor))(tensor.type, data, dims);
}

/** The class that a value is of, whichever copy of a library it came from. */
export function classOf<Class>(value: unknown): Class {
  return Object(value).constructor as Class;
}
