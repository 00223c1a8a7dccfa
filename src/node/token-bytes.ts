/** Bytes that are written as themselves in tokens of bytes; the others stand, in their order, as letters from U+0100 on. */
const PRINTED = [
  [0x21, 0x7e],
  [0xa1, 0xac],
  [0xae, 0xff],
] as const;

const ALL = Array.from({ length: 256 }, (_, byte) => byte);

/** The byte that each letter of a token stands for (Radford et al. 2019). */
const BYTES: ReadonlyMap<string, number> = new Map([
  ...ALL.filter(isPrinted).map((byte) => [String.fromCharCode(byte), byte] as const),
  ...ALL.filter((byte) => !isPrinted(byte)).map(
    (byte, i) => [String.fromCharCode(0x100 + i), byte] as const,
  ),
]);

function isPrinted(byte: number): boolean {
  return PRINTED.some(([first, last]) => byte >= first && byte <= last);
}

/**
 * Finds the bytes of tokens that may be a part of a character: those of byte-level vocabularies, and single bytes as
 * SentencePiece writes them (`<0xE2>`).
 *
 * @param decoder as tokenizer.json has it
 * @returns undefined for tokens of other kinds
 */
export function tokenBytes(decoder: unknown): (token: string) => Uint8Array | undefined {
  const kinds = kindsOf(decoder);
  if (kinds.includes("ByteLevel")) {
    return (token) => {
      const bytes = [...token].map((letter) => BYTES.get(letter));
      return bytes.includes(undefined) ? undefined : Uint8Array.from(bytes as number[]);
    };
  }
  if (!kinds.includes("ByteFallback")) return () => undefined;
  return (token) => {
    const byte = /^<0x([0-9a-f]{2})>$/i.exec(token)?.[1];
    return byte === undefined ? undefined : Uint8Array.of(Number.parseInt(byte, 16));
  };
}

/** Kinds of a decoder and of those that it is a sequence of. */
function kindsOf(decoder: unknown): unknown[] {
  const { type, decoders } = Object(decoder) as { type?: unknown; decoders?: unknown };
  return [type, ...(Array.isArray(decoders) ? decoders.flatMap(kindsOf) : [])];
}
