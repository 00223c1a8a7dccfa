import { PassThrough } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { progressLine, progressText } from "../../src/cli/progress-line.js";

const progress = { done: 120, total: 3000, answered: 20, set: "pope" };

test("rate, time left and the score so far, in words", () => {
  expect(progressText({ ...progress, right: { regular: 0.814, vcd: 1 } }, 4000)).toBe(
    "pope: 120 of 3000 answers, 5.0 a second, 10 min left; right so far: regular 81%, vcd 100%",
  );
  expect(progressText(progress, 4000, "demonstrations")).toContain("120 of 3000 demonstrations,");
});

function stream(
  isTTY: boolean,
  columns = 60,
): { written: () => string; stream: NodeJS.WriteStream } {
  const through = new PassThrough();
  const terminal = { isTTY, columns, rows: 24, cursorTo: () => true, clearLine: () => true };
  const target = Object.assign(through, { moveCursor: () => true, ...terminal });
  let text = "";
  through.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  return { written: () => text, stream: target as unknown as NodeJS.WriteStream };
}

test("a terminal shows a bar that fits its width", async () => {
  const { written, stream: terminal } = stream(true);
  const line = progressLine("answers", terminal);
  line.show(progress);
  line.end();
  await new Promise(setImmediate);
  expect(written()).toContain("\u2588\u2591");
  expect(written()).toContain("pope: 120 of 3000 answers");
  for (const shown of written().split(/[\r\n]|\p{Cc}/u))
    expect([...shown.replace(/^\[[\d?]*\w/, "")].length).toBeLessThanOrEqual(60);
});

test.each([
  [12, "120 of 3000"],
  [16, "120 of 3000"],
  [20, "pope: 120 of 3000"],
  [40, "pope: 120 of 3000 answers"],
  [50, "pope: 120 of 3000 answers"],
  [8, ""],
])("a terminal of %i columns shows whole parts only", async (columns, expected) => {
  const { written, stream: terminal } = stream(true, columns);
  const line = progressLine("answers", terminal);
  line.show(progress);
  line.end();
  await new Promise(setImmediate);
  const [shown = ""] = stripVTControlCharacters(written()).match(/(pope: )?\d[^\r\n]*/) ?? [];
  expect(shown.split(",")[0]).toBe(expected);
  expect(shown).not.toMatch(/\d+ of \d{1,3}(?!\d)|, *$|, [\d.]+$/);
});

test("elsewhere nothing is written within the first seconds", async () => {
  const { written, stream: file } = stream(false);
  const line = progressLine("answers", file);
  line.show(progress);
  line.end();
  await new Promise(setImmediate);
  expect(written()).toBe("");
});
