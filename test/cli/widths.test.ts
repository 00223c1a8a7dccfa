import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeSet } from "../eval/small-run.js";
import { main, model } from "./groundsight.js";

const bus = fileURLToPath(new URL("../../pocket/bench/dev/images/dev_000145.png", import.meta.url));

let folder: string;
let data: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "widths-"));
  data = await writeSet(folder);
});
afterAll(() => rm(folder, { recursive: true }));

function onTerminal(columns: number, ...args: string[]): string {
  const terminal = `data:text/javascript,for(const to of [process.stdout,process.stderr]){to.isTTY=true;to.columns=${columns}}`;
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ["--import", terminal, main, ...args],
    { encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } },
  );
  expect(status, stderr).toBe(0);
  return stdout;
}

/** Rows of tables are not sentences: where nothing fits, each figure has a line. */
const isRow = (line: string): boolean => /\S {2,}\d|\S {3,}\S/.test(line);
const isSentence = (line: string): boolean => line.trim().includes(" ") && !isRow(line);

describe.each([80, 40])("on a terminal of %i columns", (columns) => {
  test.each(["demo", "models", "compare", "eval"])(
    "%s keeps within it, but for single words",
    (name) => {
      const few = ["--methods", "regular,vcd", "--without", "apc", "--limit", "3"];
      const asked = ["eval", "pope", "--data", data, ...model, ...few];
      const commands: Record<string, string[]> = {
        demo: ["demo"],
        models: ["models"],
        compare: [
          "compare",
          bus,
          "What colour is the bus?",
          "--methods",
          "regular,vdgd",
          "--rounds",
          "1",
        ],
        eval: [...asked, "--noise-draws", "1", "--out", join(folder, "run")],
      };
      const lines = onTerminal(columns, ...commands[name]!).split("\n");
      expect(lines.filter((line) => line.length > columns && isSentence(line))).toEqual([]);
    },
  );
});

test("demo keeps its indent, and breaks no answer that fits", () => {
  expect(onTerminal(80, "demo")).toContain("\n  regular  wrong  The elephant is grey.\n");
});

test("compare says what its ratio is", () => {
  const said = onTerminal(
    400,
    "compare",
    bus,
    "What?",
    ...model,
    "--methods",
    "regular,apc",
    "--max-tokens",
    "4",
    "--rounds",
    "1",
  );
  expect(said).toContain(
    "x: time per token relative to regular, the median of each round's own ratio; it need not be the quotient of the times shown.",
  );
});
