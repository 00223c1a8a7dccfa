import { DatasetError } from "../errors.js";
import { fromBfloat16, fromFloat16 } from "../math/half.js";

/** A tensor of a safetensors file, in float32. */
export interface StoredTensor {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** Types of floating point that are read. */
export type FloatType = "F32" | "F16" | "BF16";

/** What a safetensors file of float tensors holds. */
export interface SafetensorsContent {
  readonly tensors: Readonly<Record<string, StoredTensor>>;
  /** Texts of the file's `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Writes float32 tensors in the safetensors format: 8 bytes of header length, a JSON header, the data.
 *
 * @see https://github.com/huggingface/safetensors#format
 */
export function writeSafetensors({ tensors, metadata }: SafetensorsContent): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const [name, { dims, data }] of Object.entries(tensors)) {
    const end = offset + data.byteLength;
    header[name] = { dtype: "F32", shape: dims, data_offsets: [offset, end] };
    offset = end;
  }
  // Spaces fill the header up, so that the data begins at a multiple of 8 bytes.
  const json = JSON.stringify(header);
  const length = Math.ceil(new TextEncoder().encode(json).length / 8) * 8;
  const text = new TextEncoder().encode(json);
  const bytes = new Uint8Array(8 + length + offset).fill(0x20, 8, 8 + length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(text, 8);
  let at = 8 + length;
  for (const { data } of Object.values(tensors)) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

interface HeaderEntry {
  readonly dtype?: unknown;
  readonly shape?: unknown;
  readonly data_offsets?: unknown;
}

/**
 * Reads a safetensors file of float tensors.
 *
 * @param types those that tensors may have; what has 16 bits is made float32
 * @throws DatasetError when the bytes are not such a file, or truncated
 */
export function readSafetensors(
  bytes: Uint8Array,
  types: readonly FloatType[] = ["F32"],
): SafetensorsContent {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.byteLength < 8 ? 0 : Number(view.getBigUint64(0, true));
  if (length === 0 || 8 + length > bytes.byteLength)
    throw notSafetensors("its header is missing or cut off");
  let header: Record<string, unknown>;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  } catch (cause) {
    throw notSafetensors("its header is no JSON", cause);
  }
  if (typeof header !== "object" || header === null)
    throw notSafetensors("its header is no object");
  const { __metadata__: metadata = {}, ...entries } = header;
  if (!isTexts(metadata)) throw notSafetensors("its __metadata__ is no object of texts");
  const data = bytes.subarray(8 + length);
  const tensors = Object.fromEntries(
    Object.entries(entries).map(([name, entry]) => [
      name,
      readTensor(name, entry as HeaderEntry, data, types),
    ]),
  );
  return { tensors, metadata };
}

function readTensor(
  name: string,
  entry: HeaderEntry,
  data: Uint8Array,
  types: readonly FloatType[],
): StoredTensor {
  const { dtype, shape, data_offsets: offsets } = entry ?? {};
  const type = types.find((known) => known === dtype);
  if (type === undefined || !isSizes(shape) || !isSizes(offsets)) {
    throw notSafetensors(
      `tensor ${name} has dtype ${typeof dtype === "string" ? dtype : "of no text"}; expected ${types.join(" or ")} with shape and offsets`,
    );
  }
  const [start = 0, end = 0] = offsets;
  const count = shape.reduce((product, dim) => product * dim, 1);
  const size = type === "F32" ? 4 : 2;
  if (end > data.byteLength || end - start !== size * count) {
    throw notSafetensors(
      `tensor ${name} lies at bytes ${start} to ${end} of ${data.byteLength}, for ${count} numbers`,
    );
  }
  // A copy, since the data need not be aligned.
  const copy = new Uint8Array(end - start);
  copy.set(data.subarray(start, end));
  return { dims: shape, data: asFloat32(copy.buffer, type) };
}

function asFloat32(data: ArrayBuffer, type: FloatType): Float32Array {
  if (type === "F32") return new Float32Array(data);
  const bits = new Uint16Array(data);
  return type === "F16" ? fromFloat16(bits) : fromBfloat16(bits);
}

function isTexts(value: unknown): value is Record<string, string> {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject && Object.values(value).every((item) => typeof item === "string");
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

function notSafetensors(reason: string, cause?: unknown): DatasetError {
  return new DatasetError(`not a safetensors file: ${reason}`, { cause });
}
