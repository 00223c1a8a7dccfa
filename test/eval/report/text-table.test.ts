import { expect, test } from "vitest";
import { textTable } from "../../../src/eval/report/text-table.js";

const rows = [
  ["method", "Accuracy %", "n"],
  ["regular", "98.7 (97.3 to 99.7, seeds ±0.2)", "24"],
  ["apc", "100.0 (69.2 to 100.0)", "24"],
];
const widthOf = (text: string) => Math.max(...text.split("\n").map((line) => line.length));
const wordsOf = (text: string) => text.split(/\s+/).sort();

test("as wide as it needs to be, one line a row", () => {
  expect(textTable(rows)).toBe(
    [
      "method   Accuracy %                       n",
      "regular  98.7 (97.3 to 99.7, seeds ±0.2)  24",
      "apc      100.0 (69.2 to 100.0)            24",
    ].join("\n"),
  );
});

test("in any terminal that holds the longest words: fits, and every word is whole", () => {
  for (let width = 22; width < 45; width++) {
    const text = textTable(rows, width);
    expect(widthOf(text), `width ${width}`).toBeLessThanOrEqual(width);
    expect(wordsOf(text)).toEqual(wordsOf(textTable(rows)));
    expect(text.split("\n")[0]).toMatch(/^method/);
  }
});

test("too narrow for words side by side: a block of lines for each row", () => {
  expect(textTable(rows, 15).split("\n\n")).toEqual([
    "method      regular\nAccuracy %  98.7 (97.3 to 99.7, seeds ±0.2)\nn           24",
    "method      apc\nAccuracy %  100.0 (69.2 to 100.0)\nn           24",
  ]);
});

test("300,000 rows are no matter", () => {
  const many = Array.from({ length: 300_000 }, (_, i) => [String(i)]);
  expect(textTable([["range"], ...many]).length).toBeGreaterThan(300_000);
  expect(textTable([["range"], ...many], 4).length).toBeGreaterThan(300_000);
});
