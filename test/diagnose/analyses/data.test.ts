import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { captionFaults } from "../../../src/diagnose/analyses/caption-faults.js";
import { data } from "../../../src/diagnose/analyses/data.js";
import { openDataFolder } from "../../../src/diagnose/analyses/data-folder.js";
import { imageHashes, lookDistance } from "../../../src/diagnose/analyses/image-hashes.js";
import { runAnalysis } from "../../../src/diagnose/analyses/run-analysis.js";

describe("faults of a caption", () => {
  test.each([
    ["A dog sits on an old couch.", []],
    ["An hour ago a unicorn had had a European one-way ticket (used).", []],
    ["", ["empty"]],
    ["... 42!", ["empty"]],
    ["A dog.", ["short"]],
    ["There are many different things in this image.", ["vague"]],
    ["A picture.", ["short", "vague"]],
    ["The dog dog sits there.", ["ungrammatical"]],
    ["A apple lies on the table.", ["ungrammatical"]],
    ["There is an dog on a couch.", ["ungrammatical"]],
    ['A sign says "stop beside the road.', ["ungrammatical"]],
    ["A caf\uFFFD beside a road.", ["ungrammatical"]],
    ["ein Hund sitzt dort", []],
  ])("%j: %j", (caption, faults) => {
    expect(captionFaults(caption, 4)).toEqual(faults);
  });
});

describe("a captioned set", () => {
  let folder: string;
  const image = (name: string) => join(folder, "images", name);
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "captioned-"));
    await mkdir(join(folder, "images"));
    const picture = Buffer.from(
      Uint8Array.from({ length: 300 * 240 * 3 }, (_, i) =>
        Math.round(128 + 100 * Math.sin(i / 3 / 37) * Math.cos(i / 90_000)),
      ),
    );
    const raw = { raw: { width: 300, height: 240, channels: 3 } } as const;
    await sharp(picture, raw).png().toFile(image("one.png"));
    await sharp(picture, raw).webp({ lossless: true }).toFile(image("same.webp"));
    await sharp(picture, raw).jpeg({ quality: 60 }).resize(260, 208).toFile(image("like.jpg"));
    await sharp(picture, raw).negate().resize(100, 80).png().toFile(image("other.png"));
    await writeFile(image("none.png"), "no image");
    const rows = [
      { image: "one.png", caption: "A dog sits beside a cat.", objects: ["dog", "cat"] },
      { image: "same.webp", caption: "A dog and a bus are here.", objects: ["dog"] },
      { image: "like.jpg", caption: "Things in a picture.", objects: [] },
      { image: "other.png", caption: "", objects: ["dog"] },
      { image: "none.png", caption: "A horse in the snow.", objects: ["horse"] },
    ];
    const text = rows.map((row) => JSON.stringify(row)).join("\n");
    await writeFile(join(folder, "set.jsonl"), text);
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("is audited, images and captions", async () => {
    const set = openDataFolder(folder);
    const settings = { file: "set.jsonl", field: "caption" };
    const { table, findings, n, model } = await runAnalysis(data, { data: set, settings });
    expect(n).toBe(5);
    expect(model).toBeNull();
    const found = Object.fromEntries(table.map((row) => [row.check, [row.n, row.found]]));
    expect(found).toEqual({
      "image cannot be read": [5, 1],
      "image below 224 pixels": [4, 2],
      "image has a duplicate": [4, 2],
      "image has a near-duplicate": [4, 3],
      "caption empty": [5, 1],
      "caption short": [5, 0],
      "caption vague": [5, 1],
      "caption ungrammatical": [5, 0],
      "caption names what is not there": [5, 1],
      "caption leaves out what is there": [5, 1],
    });
    expect(findings.at(-1)).toBe("Nothing found: caption short, caption ungrammatical.");
    expect(table[8]!.examples).toBe("same.webp: A dog and a bus are here.");
  });

  test("looks survive compression and size, not another picture", async () => {
    const [one, like, other] = await Promise.all(
      ["one.png", "like.jpg", "other.png"].map((name) => imageHashes(image(name))),
    );
    expect(lookDistance(one!.look, like!.look)).toBeLessThanOrEqual(2);
    expect(lookDistance(one!.look, other!.look)).toBeGreaterThan(20);
    expect(lookDistance([0, 0], [-1, -1])).toBe(64);
  });

  test("without captions under a name is refused with the names that there are", async () => {
    const set = openDataFolder(folder);
    const run = (settings: Record<string, string>) => runAnalysis(data, { data: set, settings });
    await expect(run({ file: "set.jsonl" })).rejects.toThrow(
      "no text in its field reference; its texts are image, caption",
    );
    await expect(run({ file: "sets.jsonl" })).rejects.toThrow("file: received sets.jsonl");
  });
});
