import { open } from "node:fs/promises";
import { join } from "node:path";
import { DataType, type OnnxTensor } from "../../onnx/graph-model.js";
import { readFields } from "../../onnx/wire.js";
import { ownFile } from "../weights-file.js";

/** Bytes that are read at a time; a multiple of every element's size. */
const CHUNK = 8 * 2 ** 20;
/** Bytes that are looked at between two turns of the event loop. */
const TURN = 64 * 2 ** 20;

/** How a float type's bits tell numbers from what is none. */
interface FloatBits {
  readonly bytes: 2 | 4;
  /** All ones in the exponent: not a number, or infinite. */
  readonly exponent: number;
  readonly minusInfinity: number;
}

const FLOATS: Readonly<Record<number, FloatBits>> = {
  [DataType.float32]: { bytes: 4, exponent: 0x7f800000, minusInfinity: 0xff800000 },
  [DataType.float16]: { bytes: 2, exponent: 0x7c00, minusInfinity: 0xfc00 },
  [DataType.bfloat16]: { bytes: 2, exponent: 0x7f80, minusInfinity: 0xff80 },
};

/** A weight that holds what is no number. */
export interface BadWeight {
  readonly name: string;
  readonly bad: number;
  readonly elements: number;
}

/**
 * The weights among some tensors that hold NaN or infinity, scales of quantized weights among them. Minus infinity is
 * what masks are made of, and is let pass.
 *
 * @param folder where files of external weights lie
 */
export async function badWeights(
  tensors: readonly OnnxTensor[],
  folder: string,
): Promise<BadWeight[]> {
  const found: BadWeight[] = [];
  let since = 0;
  for (const tensor of tensors) {
    const bits = FLOATS[tensor.dataType];
    if (bits === undefined) continue;
    let bad = 0;
    for await (const chunk of chunksOf(tensor, folder, bits)) {
      bad += countBad(chunk, bits);
      since += chunk.byteLength;
      if (since < TURN) continue;
      since = 0;
      await new Promise((resolve) => setImmediate(resolve));
    }
    const elements = tensor.dims.reduce((product, dim) => product * dim, 1);
    if (bad > 0) found.push({ name: tensor.name, bad, elements });
  }
  return found;
}

async function* chunksOf(
  { rawData, external, dims, encoded }: OnnxTensor,
  folder: string,
  { bytes }: FloatBits,
): AsyncGenerator<Uint8Array> {
  if (external === undefined) {
    yield rawData ?? floatData(encoded);
    return;
  }
  const size = dims.reduce((product, dim) => product * dim, bytes);
  const offset = Number(external.get("offset") ?? 0);
  await using file = await open(join(folder, ownFile(external.get("location") ?? "")));
  const buffer = new Uint8Array(Math.min(CHUNK, size));
  for (let done = 0; done < size; ) {
    const length = Math.min(CHUNK, size - done);
    const { bytesRead } = await file.read(buffer, 0, length, offset + done);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead - (bytesRead % bytes));
    done += bytesRead;
  }
}

/** The field float_data, which some exporters use for small tensors. */
function floatData(encoded: OnnxTensor["encoded"]): Uint8Array {
  if (!(encoded instanceof Uint8Array)) return new Uint8Array();
  return readFields(encoded).find(({ number }) => number === 4)?.value ?? new Uint8Array();
}

function countBad(given: Uint8Array, { bytes, exponent, minusInfinity }: FloatBits): number {
  const whole = given.byteLength - (given.byteLength % bytes);
  const data = given.byteOffset % bytes === 0 ? given : new Uint8Array(given);
  const Words = bytes === 4 ? Uint32Array : Uint16Array;
  const words = new Words(data.buffer as ArrayBuffer, data.byteOffset, whole / bytes);
  let bad = 0;
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if ((word & exponent) === exponent && word !== minusInfinity) bad++;
  }
  return bad;
}
