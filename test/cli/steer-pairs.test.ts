import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { groundsight, model } from "./groundsight.js";

const bench = fileURLToPath(new URL("../../pocket/bench/dev/", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "groundsight-pairs-"));
afterAll(() => rmSync(folder, { recursive: true }));
const [out, controls] = [join(folder, "pairs.jsonl"), join(folder, "controls.jsonl")];
const rowsOf = (path: string) =>
  readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, string>);

test("pairs of captions are demonstrations and controls that steer fit takes", () => {
  const objects = join(bench, "objects_by_image.json");
  const made = groundsight(
    ...["steer", "pairs", join(bench, "captions.jsonl"), "--limit", "12", "--objects", objects],
    ...["--out", out, "--controls", controls, "--kinds", "inserted"],
  );
  expect(made).toMatchObject({ status: 0, stdout: `${out}\n${controls}\n` });
  expect(made.stderr).toContain("inserted: 12 pairs");
  const [first, second] = [rowsOf(out)[0]!, rowsOf(controls)[0]!];
  expect(first).toMatchObject({ image: "dev_000000.png", text: "Describe the image." });
  expect(first.caption).toBe(second.hallucinated);
  const directions = join(folder, "directions.safetensors");
  const fitted = groundsight(
    ...["steer", "fit", "--demos", out, "--controls", controls, "--images", join(bench, "images")],
    ...["--parts", "text", "--out", directions, ...model],
  );
  expect(fitted.status).toBe(0);
  expect(fitted.stdout.trimEnd().split("\n").at(-1)).toBe(directions);
});

test("what is no caption is told with its line, and nothing is written", () => {
  const file = join(folder, "broken.jsonl");
  writeFileSync(file, '{"image": "a.png", "caption": "A cup."}\n{"image": "b.png"}\n');
  const { status, stderr } = groundsight("steer", "pairs", file, "--out", join(folder, "none"));
  expect([status, stderr]).toEqual([
    1,
    expect.stringMatching(/broken.jsonl line 2: .*expected caption, reference or text/),
  ]);
  expect(groundsight("steer", "pairs", file, "--out", out, "--kinds", "dropped").stderr).toContain(
    "--kinds: received dropped; expected inserted or replaced",
  );
});
