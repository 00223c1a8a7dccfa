import fc from "fast-check";
import { expect, test } from "vitest";
import { columnsOf, WordWrap, wrapBehind, wrapText } from "../../src/cli/wrap-text.js";

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

test("blanks at the beginning stay, and the first line has the whole width", () => {
  const line = "  Yes, the bus is grey, and a bus is usually yellow.";
  expect(wrapText(line, " ".repeat(18), line.length)).toBe(line);
  expect(wrapText(line, "    ", 40)).toBe(
    "  Yes, the bus is grey, and a bus is\n    usually yellow.",
  );
});

test("text behind something is broken below its own beginning, else on lines of its own", () => {
  const before = "  regular  \u001b[31mwrong\u001b[39m  ";
  const text = "Yes, the bus is grey, and a bus is usually yellow.";
  expect(wrapBehind(before, text, 80)).toBe(before + text);
  expect(wrapBehind(before, text, 40)).toBe(
    `${before}Yes, the bus is grey,\n${" ".repeat(18)}and a bus is usually\n${" ".repeat(18)}yellow.`,
  );
  expect(wrapBehind(before, "The bus is grey.", 20)).toBe(
    `${before.trimEnd()}\n    The bus is grey.`,
  );
  expect(wrapBehind(before, "Yes", 21)).toBe(`${before}Yes`);
  expect(wrapBehind(before, text, Number.POSITIVE_INFINITY)).toBe(before + text);
});

test("below any sensible width text is still broken between words", () => {
  for (const columns of [1, 8, 15, 20]) {
    const lines = wrapText(sentence, "    ", columns).split("\n");
    for (const line of lines) {
      expect(line.length > columns ? line.trim() : "").not.toContain(" ");
    }
  }
});

test("lines that the text has itself are kept", () => {
  expect(wrapText("one two three\nfour five six", "  ", 18)).toBe("one two three\n  four five six");
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
