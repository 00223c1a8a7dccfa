import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/** Fields of ModelProto (onnx.proto3). */
const MODEL_FIELDS = new Set([1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26]);
const POINTER = "version https://git-lfs";

/**
 * What is wrong with the bytes of an ONNX file that cannot be read, as far as its outermost fields tell: a file that ends
 * early is whole up to its end, another one is not.
 */
export function fileDamage(bytes: Uint8Array): { kind: FileDamage; detail: string } {
  if (bytes.length === 0) return { kind: "truncated", detail: "it is empty" };
  if (new TextDecoder("latin1").decode(bytes.subarray(0, POINTER.length)) === POINTER) {
    return {
      kind: "pointer",
      detail: "it is a pointer of Git LFS, not the file that it stands for",
    };
  }
  const corrupt = (at: number) =>
    ({ kind: "corrupt", detail: `its bytes are no ONNX model from byte ${at} on` }) as const;
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const start = reader.pos;
    try {
      const [number, wireType] = reader.tag();
      if (!MODEL_FIELDS.has(number)) return corrupt(start);
      if (wireType !== WireType.LengthDelimited) reader.skip(wireType, number);
      else {
        const length = reader.uint32();
        const there = reader.len - reader.pos;
        if (length > there) {
          const detail = `it ends early: of a part of ${length} bytes ${there} are there`;
          return { kind: "truncated", detail };
        }
        reader.pos += length;
      }
    } catch {
      return corrupt(start);
    }
  }
  return { kind: "corrupt", detail: "a part of its graph is no part of an ONNX model" };
}

/** How a file is damaged. */
export type FileDamage = "truncated" | "corrupt" | "pointer";
