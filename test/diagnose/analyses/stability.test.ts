/** Features under noise, and what is said of noised and averaged images, on a model that goes by the mean of the pixels. */
import { rm } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDataFolder } from "../../../src/diagnose/analyses/data-folder.js";
import {
  clearFeatures,
  noiseVariances,
  Spread,
} from "../../../src/diagnose/analyses/feature-noise.js";
import { runAnalysis } from "../../../src/diagnose/analyses/run-analysis.js";
import { stability } from "../../../src/diagnose/analyses/stability.js";
import { fakeModel } from "../../../src/testing/fake-model.js";
import { image } from "../../engine/asked.js";
import { pictureFolder } from "./picture-folder.js";

let folder: string;
// Brightnesses, of the paths, that are far apart.
const IMAGES = [..."adgjmpsv"].map((name) => `${name.repeat(20)}.png`);
const lines = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).join("\n");

beforeAll(async () => {
  folder = await pictureFolder(
    {},
    {
      "captions.jsonl": lines(IMAGES.map((name) => ({ image: name, text: "Describe it." }))),
      "pope_adversarial.jsonl": lines(
        IMAGES.map((name) => ({ image: name, text: "Is there a cat?", label: "no" })),
      ),
      "objects_by_image.json": Object.fromEntries(IMAGES.map((name) => [name, ["dog"]])),
    },
  );
});
afterAll(() => rm(folder, { recursive: true }));

const mean = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
/** A fake model takes a path's own bytes for an image. */
const clearMeans = () => {
  const data = openDataFolder(folder);
  return IMAGES.map((name) => mean([...new TextEncoder().encode(data.image(name))]) / 255);
};

/** Tells the truth about images as they are; invents a cat in any other. */
const model = () =>
  fakeModel({
    respond({ prompt, brightness }) {
      const isClear = clearMeans().some((clear) => Math.abs(brightness! - clear) < 1e-5);
      if (prompt.includes("cat")) return isClear ? "No." : "Yes.";
      return isClear ? "A dog." : "A dog and a cat.";
    },
  });

const variance = (values: readonly number[]) =>
  values.reduce((sum, x) => sum + (x - mean(values)) ** 2, 0) / (values.length - 1);

test("a spread has the variances of the numbers that belong together", () => {
  const spread = new Spread(2);
  const large = 1e8;
  spread.add([large + 1, 10, large + 2, 20]);
  spread.add([large + 6, 60]);
  expect(spread.variances[0]).toBeCloseTo(variance([1, 2, 6]), 6);
  expect(spread.variances[1]).toBeCloseTo(variance([10, 20, 60]), 6);
});

test("features vary more under more noise, the same under the same", async () => {
  const signal = new AbortController().signal;
  const clear = await clearFeatures(model(), image, signal);
  expect(clear.dims).toEqual([1, 4, 2]);
  const at = async (step: number, seed = 1) =>
    (await noiseVariances(model(), image, { step, copies: 40, seed }, signal))[1]!;
  const light = await at(50);
  expect(light).toBeGreaterThan(0);
  expect(await at(500)).toBeGreaterThan(2 * light);
  expect(await at(50)).toBe(light);
  expect(await at(50, 2)).not.toBe(light);
});

test("holds answers about noised and averaged images to those about the images as they are", async () => {
  const steps: number[][] = [];
  const { table, findings, plots, n } = await runAnalysis(stability, {
    model: model(),
    data: openDataFolder(folder),
    settings: { steps: "50,900", copies: 3 },
    onProgress: (...step) => steps.push(step),
  });
  expect(n).toBe(16);
  expect(steps.at(-1)).toEqual([104, 104]);
  expect(table.map(({ t, image: seen }) => [t, seen])).toEqual([
    [50, "features"],
    [900, "features"],
    [0, "as it is"],
    [50, "one noised copy"],
    [50, "averaged"],
    [900, "one noised copy"],
    [900, "averaged"],
  ]);
  expect(table[2]!["CHAIR_s %"]).toMatch(/^0\.0/);
  expect(table[2]!["false yes %"]).toMatch(/^0\.0/);
  expect(table[3]!["CHAIR_s %"]).toMatch(/^100\.0/);
  expect(table[3]!["false yes %"]).toMatch(/^100\.0/);
  expect(findings[2]).toContain("captions that invent change by 100.0");
  expect(findings[2]).toContain("As in the paper, noise alone harms captions.");
  expect(findings[3]).toContain("Against the paper, averaging makes captions invent more.");
  expect(plots.map(({ name }) => name)).toEqual([
    "stability-features",
    "stability-captions",
    "stability-questions",
  ]);
  const [light, heavy] = plots[0]!.series.map(({ points }) => points.at(-1)!.value!);
  expect(heavy).toBeGreaterThan(light!);
});

test("says which steps it takes", async () => {
  const data = openDataFolder(folder);
  for (const given of ["", "200,100", "0", "1000", "a"]) {
    const run = runAnalysis(stability, { model: model(), data, settings: { steps: given } });
    await expect(run).rejects.toThrow("steps: received");
  }
});
