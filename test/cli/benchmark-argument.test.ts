import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { benchmarkFrom } from "../../src/cli/benchmark-argument.js";
import { InvalidArgumentError } from "../../src/index.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "own-module-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function module(name: string, text: string): Promise<string> {
  await writeFile(join(folder, name), text);
  return join(folder, name);
}

const DECLARATION = `{
  name: "sides",
  row: { question_id: "identifier", side: ["left", "right"] },
  id: (row) => row.question_id,
  prompt: () => "Left or right?",
  truth: (row) => row.side,
  rules: { "first-side": { read: (answer) => /left|right/i.exec(answer)?.[0] ?? null } },
}`;

test("names are those of the registry", async () => {
  expect((await benchmarkFrom("pope")).title).toBe("POPE");
  await expect(benchmarkFrom("poep")).rejects.toThrow("benchmark: received poep; expected one of");
});

test("a module's default export is a declaration, which needs no import, or a benchmark", async () => {
  const path = await module("sides.mjs", `export default ${DECLARATION}`);
  const sides = await benchmarkFrom(path);
  expect(sides).toMatchObject({ name: "sides", rules: ["first-side"], primaryMetric: "accuracy" });
  const whole = await module(
    "whole.mjs",
    `export default { name: "whole", rules: ["a"], metrics: [], load: () => [] }`,
  );
  expect((await benchmarkFrom(whole)).name).toBe("whole");
});

test.each([
  ["none.mjs", null, "there is no such file; check the path"],
  ["none", null, "expected the path of a module that ends in .mjs, .js or .ts"],
  ["empty.mjs", "export const sides = 1;", "it has no default export; expected export default"],
  [
    "text.mjs",
    "export default 'sides';",
    'its default export is no benchmark: benchmark: received "sides"; expected an object',
  ],
  [
    "part.mjs",
    "export default { name: 'sides' };",
    "its default export is no benchmark: benchmark: row: received nothing; expected",
  ],
  [
    "throws.mjs",
    "throw new TypeError('no luck');",
    "it fails on import (TypeError: no luck); mend the module",
  ],
  [
    "taken.mjs",
    `export default { ...${DECLARATION}, name: "pope" }`,
    "its name, pope, is that of another benchmark; choose another",
  ],
])("%s is refused by path and reason", async (name, text, message) => {
  const path = text === null ? join(folder, name) : await module(name, text);
  const failure = benchmarkFrom(path);
  await expect(failure).rejects.toThrow(InvalidArgumentError);
  await expect(failure).rejects.toThrow(`benchmark ${path}: `);
  await expect(failure).rejects.toThrow(message);
});

test("a folder that is called like a module", async () => {
  await mkdir(join(folder, "folder.mjs"));
  await expect(benchmarkFrom(join(folder, "folder.mjs"))).rejects.toThrow(InvalidArgumentError);
});

const canStrip = Boolean((process.features as { typescript?: unknown }).typescript);

test.skipIf(canStrip)("TypeScript is refused where Node cannot run it", async () => {
  const path = await module("sides.ts", `export default ${DECLARATION}`);
  await expect(benchmarkFrom(path)).rejects.toThrow(
    `Node ${process.versions.node} cannot run TypeScript; use Node 22.18 or later`,
  );
});
