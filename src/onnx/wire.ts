/**
 * Protocol Buffers at the level of the wire: a message is a list of fields, a field keeps its own encoded bytes.
 *
 * A model file is mostly weights. Decoding it into objects and encoding it again would copy them all and lose what the
 * schema does not name, so messages are read shallowly: known fields are decoded on demand, everything else stays a
 * view of the input bytes and is written back as it was.
 *
 * @see https://protobuf.dev/programming-guides/encoding/
 */
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** One encoded field. `encoded` is tag and value; `value` is the payload of a length-delimited field or the raw value. Both are views. */
export interface WireField {
  readonly number: number;
  /** A `WireType` of the protobuf library; a number, so that users load none of its types. */
  readonly wireType: number;
  readonly encoded: Uint8Array;
  readonly value: Uint8Array;
}

/** Encoded bytes as a list of pieces, so that large payloads are never copied until the file is written. */
export interface Pieces {
  readonly byteLength: number;
  readonly parts: readonly Uint8Array[];
}

/**
 * Reads the fields of one message without looking into them.
 *
 * @param bytes one encoded message; the fields are views of it
 * @throws RangeError or Error from the protobuf reader when the bytes are truncated or no protobuf message
 */
export function readFields(bytes: Uint8Array): WireField[] {
  const reader = new BinaryReader(bytes);
  const fields: WireField[] = [];
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [number, wireType] = reader.tag();
    const afterTag = reader.pos;
    const payload = wireType === WireType.LengthDelimited ? reader.bytes() : undefined;
    if (payload === undefined) reader.skip(wireType, number);
    const end = reader.pos;
    fields.push({
      number,
      wireType,
      encoded: bytes.subarray(start, end),
      value: payload ?? bytes.subarray(afterTag, end),
    });
  }
  return fields;
}

const utf8 = new TextDecoder();

/** The text of a length-delimited field. */
export function asText(field: WireField): string {
  return utf8.decode(field.value);
}

/** The integer of a varint field; ONNX sizes and dimensions are below 2^53. */
export function asInteger(field: WireField): number {
  return Number(new BinaryReader(field.value).int64());
}

/** The 32-bit float of a fixed32 field. */
export function asFloat(field: WireField): number {
  return new BinaryReader(field.value).float();
}

/** The integers of a repeated field, whether this occurrence is packed or single. */
export function asIntegers(field: WireField): number[] {
  if (field.wireType !== WireType.LengthDelimited) return [asInteger(field)];
  const reader = new BinaryReader(field.value);
  const values: number[] = [];
  while (reader.pos < reader.len) values.push(Number(reader.int64()));
  return values;
}

/** Joins pieces into a list of pieces. */
export function joinPieces(items: Iterable<Pieces | Uint8Array>): Pieces {
  const parts: Uint8Array[] = [];
  let byteLength = 0;
  for (const item of items) {
    byteLength += item.byteLength;
    if (item instanceof Uint8Array) parts.push(item);
    else for (const part of item.parts) parts.push(part);
  }
  return { byteLength, parts };
}

/** Copies pieces into one contiguous buffer. */
export function toBytes(pieces: Pieces): Uint8Array {
  const bytes = new Uint8Array(pieces.byteLength);
  let offset = 0;
  for (const part of pieces.parts) {
    bytes.set(part, offset);
    offset += part.byteLength;
  }
  return bytes;
}

/** A length-delimited field around content that may be large; the content is not copied. */
export function messageField(number: number, content: Pieces | Uint8Array): Pieces {
  const header = new BinaryWriter()
    .tag(number, WireType.LengthDelimited)
    .uint32(content.byteLength)
    .finish();
  return joinPieces([header, content]);
}

/** A string field. */
export function textField(number: number, text: string): Uint8Array {
  return new BinaryWriter().tag(number, WireType.LengthDelimited).string(text).finish();
}

/** A varint field (int32, int64, enum). */
export function integerField(number: number, value: number): Uint8Array {
  return new BinaryWriter().tag(number, WireType.Varint).int64(value).finish();
}

/** A 32-bit float field. */
export function floatField(number: number, value: number): Uint8Array {
  return new BinaryWriter().tag(number, WireType.Bit32).float(value).finish();
}
