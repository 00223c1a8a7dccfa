/** The pointing game on a model that says "dog" by the brightness of the picture. */
import { rm } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDataFolder } from "../../../src/diagnose/analyses/data-folder.js";
import { pointing } from "../../../src/diagnose/analyses/pointing.js";
import { runAnalysis } from "../../../src/diagnose/analyses/run-analysis.js";
import { fakeModel } from "../../../src/testing/fake-model.js";
import { pictureFolder } from "./picture-folder.js";

let folder: string;
/** Pictures of 8 x 8 pixels, dark but for a square of 2 x 2 at the given place. */
const BRIGHT = { "a.png": [2, 4], "b.png": [6, 0], "c.png": [0, 0] } as const;
/** Where the scenes say that the dog is: right, right, wrong. */
const DOG = { "a.png": [3, 5], "b.png": [7, 1], "c.png": [5, 5] } as const;

beforeAll(async () => {
  const rows = Object.keys(DOG).map((image) => ({ image, text: "Describe it." }));
  folder = await pictureFolder(
    Object.fromEntries(
      Object.entries(BRIGHT).map(([name, [left, top]]) => [
        name,
        (x, y) => (x >= left && x < left + 2 && y >= top && y < top + 2 ? 255 : 20),
      ]),
    ),
    {
      "captions.jsonl": rows.map((row) => JSON.stringify(row)).join("\n"),
      "objects_by_image.json": Object.fromEntries(rows.map(({ image }) => [image, ["dog"]])),
      "scenes.json": Object.fromEntries(
        Object.entries(DOG).map(([image, [x, y]]) => [
          image,
          { objects: [{ name: "dog", x, y, size: 2 }] },
        ]),
      ),
    },
  );
});
afterAll(() => rm(folder, { recursive: true }));

const CAPTION = [...new TextEncoder().encode("A dog.")];
const MARK = new TextEncoder().encode("\nMODEL:").length;
const QUESTION = new TextEncoder().encode("Describe it.").length;
const model = () =>
  fakeModel({
    logits(context) {
      const logits = new Float32Array(259);
      const said = context.length - (1 + 4 + QUESTION + MARK);
      // The brighter the picture, the surer each word.
      const { feature } = context.find(({ isImage }) => isImage)!;
      logits[CAPTION[said] ?? 257] = 6 + 20 * feature;
      return logits;
    },
  });

test("a word points right where its map is highest on its thing", async () => {
  const steps: number[][] = [];
  const { table, findings, warnings, n, plots } = await runAnalysis(pointing, {
    model: model(),
    data: openDataFolder(folder),
    settings: { cells: 4 },
    onProgress: (...step) => steps.push(step),
  });
  expect(n).toBe(3);
  expect(table).toHaveLength(1);
  expect(table[0]).toMatchObject({ map: "occlusion", objects: 3 });
  expect(table[0]!["on its thing %"]).toMatch(/^66\.7 \(/);
  // One of sixteen cells has its middle on the dog.
  expect(table[0]!["by chance %"]).toMatch(/^6\.3 \(1\.8 to 72\.6\)/);
  expect(findings[0]).toContain("occlusion: the maximum lies on the thing");
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain("attention is left out");
  expect(plots[0]!.series.map(({ points }) => points.length)).toEqual([1, 1, 1]);
  expect(steps.at(-1)).toEqual([6, 6]);
});
