/** On a fake model, which knows how bright an image is: under noise it is dark. */
import { rm } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDataFolder } from "../../../src/diagnose/analyses/data-folder.js";
import { noise } from "../../../src/diagnose/analyses/noise.js";
import { runAnalysis } from "../../../src/diagnose/analyses/run-analysis.js";
import type { AnalysisResult } from "../../../src/diagnose/contract/analysis.js";
import { type FakeQuestion, fakeModel } from "../../../src/testing/index.js";
import { BRIGHT, benchFolder } from "./bench-folder.js";

const names = [..."abcdefgh"].map((name) => `${name}.png`);
let folder: string;
beforeAll(async () => {
  folder = await benchFolder([], {
    "objects_by_image.json": Object.fromEntries(names.map((name) => [name, ["cat"]])),
    "captions.jsonl": names.map((image) => ({ image, text: "Describe the image." })),
    "pope_adversarial.jsonl": names.flatMap((image) => [
      { image, text: "Is there a cat in the image?", label: "yes" },
      { image, text: "Is there a dog in the image?", label: "no" },
    ]),
    "reading.jsonl": names.flatMap((image) => [
      { image, description: "A cup.", text: "Is there a cup in the image?", answer: "yes" },
      {
        image,
        description: "A cup that is red.",
        text: "What colour is the cup?",
        answer: "red",
        is_usual: false,
      },
    ]),
  });
});
afterAll(() => rm(folder, { recursive: true }));

async function run(
  respond: (question: FakeQuestion, isClear: boolean) => string,
): Promise<AnalysisResult> {
  await using model = fakeModel({
    respond: (question) => respond(question, (question.brightness ?? 1) > 0.35),
  });
  const data = openDataFolder(folder, { images: BRIGHT });
  return await runAnalysis(noise, { model, data, settings: { steps: 2 } });
}

const sees = ({ prompt }: FakeQuestion, isClear: boolean): string => {
  if (prompt.includes("described")) return prompt.includes("colour") ? "It is red." : "Yes";
  if (prompt.includes("Describe")) return isClear ? "A cat is there." : "A dog is there.";
  return isClear && prompt.includes("dog") ? "No" : "Yes";
};

test("a model that needs its eyes hallucinates under noise, and keeps its language", async () => {
  const { table, findings, n, plots } = await run(sees);
  expect(n).toBe(40);
  const [clear, noisy] = table;
  expect(clear).toMatchObject({ t: 0, yes: expect.stringMatching(/^50\.0 /) });
  expect(clear!["false yes"]).toMatch(/^0\.0 /);
  expect(noisy!["false yes"]).toMatch(/^100\.0 /);
  expect(noisy!.CHAIR_s).toMatch(/^100\.0 /);
  expect(noisy!["descriptions read"]).toMatch(/^100\.0 /);
  // Of the caption's bytes under noise only those of the name differ, and how it begins is the object's place.
  expect(noisy!["same token, objects"]).toMatch(/^0\.0 /);
  expect(Number.parseFloat(String(noisy!["same token, others"]))).toBeGreaterThan(75);
  expect(findings[0]).toMatch(/^As in the paper, false yes grows between t = 0 and 999: 100\.0 /);
  expect(findings[2]).toMatch(/^As in the paper, CHAIR_s grows/);
  expect(findings[3]).toMatch(/^As in the paper, language stays/);
  expect(plots.map(({ name }) => name)).toEqual(["noise-hallucination", "noise-language"]);
  expect(plots[0]!.series[0]!.points.map(({ x, value }) => [x, value])).toEqual([
    [0, 0],
    [999, 100],
  ]);
});

test("one that does not look shows nothing, one that denies under noise contradicts", async () => {
  const blind = await run((question) => sees(question, true));
  expect(blind.findings[0]).toMatch(/that is not shown here: 0\.0 /);
  const silent = await run(({ prompt }, isClear) =>
    isClear && !prompt.includes("D") ? "Yes" : "No",
  );
  expect(silent.findings[0]).toMatch(/^Against the paper, which found that false yes grows/);
});

test("tells answers apart that are neither yes nor no", async () => {
  const { table } = await run((question, isClear) => (isClear ? sees(question, true) : "umm"));
  expect(table[1]!.unreadable).toMatch(/^100\.0 /);
  expect(table[1]!["false yes"]).toMatch(/^0\.0 /);
});
