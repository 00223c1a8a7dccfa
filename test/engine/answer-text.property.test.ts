import fc from "fast-check";
import { expect, test } from "vitest";
import { Detokenizer } from "../../src/engine/detokenizer.js";
import { StopText } from "../../src/engine/stop-text.js";

test("byte tokens decode to the same text piece by piece as at once", () => {
  const decode = (ids: readonly number[]) => new TextDecoder().decode(Uint8Array.from(ids));
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 30 }), (text) => {
      const decoder = new Detokenizer(decode);
      const pieces = [...new TextEncoder().encode(text)].map((byte) => decoder.push(byte));
      expect(pieces.join("") + decoder.end()).toBe(text.replace(/^\uFEFF/, ""));
    }),
  );
});

test("what is released before a stop text is the text up to its first occurrence", () => {
  const part = fc.string({ unit: fc.constantFrom("a", "b", "."), maxLength: 4 });
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 20 }),
      fc.array(
        part.filter((stop) => stop !== ""),
        { minLength: 1, maxLength: 3 },
      ),
      (pieces, stops) => {
        const stop = new StopText(stops);
        let shown = "";
        for (const piece of pieces) for (const character of piece) shown += stop.push(character);
        shown += stop.end();
        const text = pieces.join("");
        // Characters come one by one, so the stop that ends first wins, and of those the longest.
        let expected = text;
        for (let end = 1; end <= text.length && expected === text; end++) {
          const found = stops
            .filter((s) => text.slice(0, end).endsWith(s))
            .map((s) => end - s.length);
          if (found.length > 0) expected = text.slice(0, Math.min(...found));
          if (found.length > 0) break;
        }
        expect(shown).toBe(expected);
      },
    ),
  );
});
