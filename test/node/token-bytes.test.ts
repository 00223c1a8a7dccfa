import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { expect, test } from "vitest";
import { tokenBytes } from "../../src/node/token-bytes.js";
import { readTokenizer } from "../../src/node/tokenizer.js";

const pocket = fileURLToPath(new URL("../../pocket/llava", import.meta.url));

test("the bytes of a byte-level tokenizer's tokens are those of their text", () => {
  const tokenizer = readTokenizer(pocket);
  // Control tokens in a text would be recognised.
  const text = fc
    .string({ unit: "grapheme", maxLength: 30 })
    .filter((one) => !tokenizer.controls.some((control) => one.includes(control)));
  fc.assert(
    fc.property(text, (written) => {
      const ids = tokenizer.encode(written, { around: false });
      const bytes = ids.flatMap((id) => [...tokenizer.bytesOf(id)!]);
      const said = tokenizer.decode(ids, { special: true });
      expect(new TextDecoder().decode(Uint8Array.from(bytes))).toBe(said);
    }),
    { numRuns: 300 },
  );
  expect(tokenizer.bytesOf(1e6)).toBeUndefined();
});

test("single bytes are read as SentencePiece writes them, where the tokenizer has them", () => {
  const fallback = { type: "Sequence", decoders: [{ type: "Replace" }, { type: "ByteFallback" }] };
  const bytesOf = tokenBytes(fallback);
  expect(bytesOf("<0xE2>")).toEqual(Uint8Array.of(0xe2));
  expect(bytesOf("▁dog")).toBeUndefined();
  for (const decoder of [undefined, null, { type: "Metaspace" }]) {
    expect(tokenBytes(decoder)("<0xE2>")).toBeUndefined();
  }
});
