import { rm } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CORRUPTIONS, corruptImage } from "../../../src/diagnose/analyses/corrupt-image.js";
import { openDataFolder } from "../../../src/diagnose/analyses/data-folder.js";
import { ood } from "../../../src/diagnose/analyses/ood.js";
import { runAnalysis } from "../../../src/diagnose/analyses/run-analysis.js";
import { SeededRandom } from "../../../src/math/seeded-random.js";
import { fakeModel } from "../../../src/testing/index.js";
import { benchFolder } from "./bench-folder.js";

// To a fake model a path stands for its own bytes: z is bright, ! is dark.
const names = [..."abcdefgh"].map((name) => `${"z".repeat(150)}${name}.png`);
const dark = [..."abcdefgh"].map((name) => `${"!".repeat(150)}${name}.png`);
const pope = (images: readonly string[]) =>
  images.map((image) => ({ image, text: "Is there a dog in the image?", label: "no" }));
const captions = (images: readonly string[]) =>
  images.map((image) => ({ image, text: "Describe the image." }));

let folder: string;
beforeAll(async () => {
  folder = await benchFolder([...names, ...dark], {
    "objects_by_image.json": Object.fromEntries([...names, ...dark].map((name) => [name, ["cat"]])),
    "pope_adversarial.jsonl": pope(names),
    "captions.jsonl": captions(names),
    "ood_pope_adversarial.jsonl": pope(dark),
    "ood_captions.jsonl": captions(dark),
    "counts.jsonl": names.map((image) => ({
      image,
      text: "How many cats are there in the image?",
      answer: "two",
    })),
  });
});
afterAll(() => rm(folder, { recursive: true }));

test("tells what each difference costs", async () => {
  await using model = fakeModel({
    respond: ({ prompt, brightness }) => {
      if (prompt.includes("How many")) return "One.";
      const isDark = brightness! < 0.3;
      if (prompt.includes("Describe")) return isDark ? "A dog." : "A cat.";
      if (prompt.includes("Tell me everything")) return "A cat and a dog.";
      if (prompt.includes("What is in this picture")) return "Nothing.";
      return isDark || prompt.includes("Would you say") ? "Yes" : "No";
    },
  });
  const data = openDataFolder(folder);
  const { table, findings, plots } = await runAnalysis(ood, { model, data });
  const of = (name: string) => table.find((row) => String(row.condition).startsWith(name))!;
  expect(of("as known")).toMatchObject({ questions: 8, captions: 8, lost: "" });
  expect(of("style")).toMatchObject({
    lost: "100.0 (26.1 to 100.0)",
    more: "100.0 (26.1 to 100.0)",
    "recall lost": "100.0 (26.1 to 100.0)",
  });
  expect(of("blur")).toMatchObject({ lost: "0.0 (-36.9 to 36.9)", more: "0.0 (-36.9 to 36.9)" });
  expect(of("words 3: Would you say")).toMatchObject({ lost: "100.0 (26.1 to 100.0)" });
  expect(of("words 4: What is in")).toMatchObject({ "recall lost": "100.0 (26.1 to 100.0)" });
  expect(of("words 5: Tell me")).toMatchObject({ more: "100.0 (26.1 to 100.0)" });
  expect(of("counts")).toMatchObject({ questions: 8, captions: 0, lost: "100.0 (26.1 to 100.0)" });
  expect(findings.map((finding) => finding.split(":")[0])).toEqual([
    "style",
    "corruption",
    "resolution",
    "wording",
    "task",
  ]);
  expect(findings[0]).toContain("as the survey says, it costs points of accuracy (style) 100.0 ");
  expect(findings[1]).toMatch(/^corruption: no cost is shown of accuracy \(blur\), /);
  expect(plots.map(({ name }) => name)).toEqual(["ood-images", "ood-words", "ood-tasks"]);
});

describe("spoilt images", () => {
  test.each(CORRUPTIONS)("%s keeps the size and goes further with its severity", async (how) => {
    const path = join(folder, "images", "checks.png");
    const [width, height] = [224, 168];
    const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
      const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / (3 * width))];
      return Math.floor(x / 14) % 2 === Math.floor(y / 14) % 2 ? 230 : 30 + y / 2;
    });
    await sharp(data, { raw: { width, height, channels: 3 } })
      .png()
      .toFile(path);
    const distances: number[] = [];
    for (const severity of [1, 3, 5]) {
      const spoilt = await corruptImage(path, how, severity, new SeededRandom(3, "noise"));
      expect(spoilt).toMatchObject({ width, height, channels: 3 });
      distances.push(data.reduce((sum, value, i) => sum + (value - spoilt.data[i]!) ** 2, 0));
    }
    expect(distances[0]).toBeGreaterThan(0);
    expect(distances[0]).toBeLessThan(distances[1]!);
    expect(distances[1]).toBeLessThan(distances[2]!);
  });
});
