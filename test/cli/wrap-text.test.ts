import fc from "fast-check";
import { expect, test } from "vitest";
import { columnsOf, WordWrap, wrapText } from "../../src/cli/wrap-text.js";

const sentence = "A person stands beside a bicycle in front of an unusually long building.";

test("words are not cut, lines keep within the columns, and an indent counts", () => {
  const lines = wrapText(`  ${sentence}`, "    ", 30).split("\n");
  expect(lines.length).toBeGreaterThan(2);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(30);
  expect(lines.slice(1).every((line) => line.startsWith("    "))).toBe(true);
  expect(lines.join(" ").match(/\S+/g)).toEqual(sentence.split(" "));
});

test("an underline does not run through the indent", () => {
  const [first, second] = wrapText(`\u001b[4m${sentence}\u001b[24m`, "  ", 50).split("\n");
  expect(first!.endsWith("\u001b[24m")).toBe(true);
  expect(second!.startsWith("  \u001b[4m")).toBe(true);
});

test("what is no terminal is left alone", () => {
  expect(columnsOf({ isTTY: false, columns: 20 })).toBe(Number.POSITIVE_INFINITY);
  expect(columnsOf({ isTTY: true, columns: 20 })).toBe(20);
  expect(wrapText(sentence, "", Number.POSITIVE_INFINITY)).toBe(sentence);
  const wrap = new WordWrap(Number.POSITIVE_INFINITY);
  expect(wrap.push("a b")).toBe("a b");
});

test("text that comes in pieces is broken between words, and nothing is lost", () => {
  const pieces = fc.array(fc.stringMatching(/^[a-z \n]{0,6}$/), { maxLength: 40 });
  fc.assert(
    fc.property(pieces, fc.integer({ min: 5, max: 20 }), (parts, columns) => {
      const wrap = new WordWrap(columns);
      const shown = parts.map((part) => wrap.push(part)).join("") + wrap.end();
      const words = parts.join("").match(/\S+/g);
      expect(shown.match(/\S+/g)).toEqual(words);
      const longest = Math.max(0, ...(words ?? []).map(({ length }) => length));
      for (const line of shown.split("\n")) {
        expect(line.length).toBeLessThanOrEqual(Math.max(columns, longest));
      }
    }),
  );
});
