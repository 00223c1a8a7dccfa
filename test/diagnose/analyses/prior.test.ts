import { rm } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDataFolder } from "../../../src/diagnose/analyses/data-folder.js";
import { prior } from "../../../src/diagnose/analyses/prior.js";
import { runAnalysis } from "../../../src/diagnose/analyses/run-analysis.js";
import type { AnalysisResult } from "../../../src/diagnose/contract/analysis.js";
import { type FakeQuestion, fakeModel } from "../../../src/testing/index.js";
import { BRIGHT, benchFolder } from "./bench-folder.js";

/** Dogs are common, and stand with cups; owls are rare, and stand alone. */
const truth: Record<string, string[]> = {
  ...Object.fromEntries([..."abcdefgh"].map((name) => [`${name}.png`, ["cup", "fork"]])),
  ...Object.fromEntries([..."ijklmn"].map((name) => [`${name}.png`, ["dog", "cup"]])),
  "o.png": ["bird"],
  "p.png": ["bird"],
};
const asked = [..."abcdefgh"].map((name) => `${name}.png`);

let folder: string;
beforeAll(async () => {
  folder = await benchFolder([], {
    "objects_by_image.json": truth,
    "pope_random.jsonl": asked.flatMap((image) => [
      { image, text: "Is there a dog in the image?", label: "no" },
      { image, text: "Is there a fork in the image?", label: "yes" },
    ]),
    "pope_popular.jsonl": asked.flatMap((image) => [
      { image, text: "Is there a dog in the image?", label: "no" },
      { image, text: "Is there a bird in the image?", label: "no" },
    ]),
    "colours.jsonl": asked.map((image) => ({
      image,
      text: "What colour is the cup?",
      object: "cup",
      answer: "blue",
      usual: "white",
      is_usual: image === "a.png",
    })),
  });
});
afterAll(() => rm(folder, { recursive: true }));

async function run(respond: (question: FakeQuestion) => string): Promise<AnalysisResult> {
  await using model = fakeModel({ respond });
  const settings = { steps: 2, bins: 2 };
  const data = openDataFolder(folder, { images: BRIGHT });
  return await runAnalysis(prior, { model, data, settings });
}

test("finds a model that says what is frequent, and sees what is usual in noise", async () => {
  const { n, table, findings, plots, warnings } = await run(({ prompt, brightness }) => {
    if (prompt.includes("colour")) return brightness! > 0.35 ? "Blue." : "White.";
    return prompt.includes("dog") ? "Yes" : "No";
  });
  // A question that two files ask is asked once; the one usual colour is no matter.
  expect(n).toBe(16 + 7);
  expect(table[0]).toEqual({
    t: 0,
    "false yes": expect.stringMatching(/^50\.0 /),
    "AUROC of frequency": "1.00 (0.63 to 1.00)",
    "AUROC of co-occurrence": "1.00 (0.63 to 1.00)",
    "usual colour instead": expect.stringMatching(/^0\.0 /),
  });
  expect(findings[0]).toMatch(/: as in the paper at t = 0, 999\.$/);
  expect(findings[2]).toMatch(/^As in the paper, the answer drifts .*: 100\.0 /);
  const [frequency, together] = plots;
  const points = (plot = frequency) => plot!.series[0]!.points.map(({ x, value }) => [x, value]);
  expect(points()).toEqual([
    [12.5, 0],
    [37.5, 100],
  ]);
  // Six of fourteen images with cups show a dog, none a bird.
  expect(points(together)).toEqual([
    [0, 0],
    [expect.closeTo(300 / 7, 6), 100],
  ]);
  expect(warnings).toEqual([]);
});

test("contradicts where what is rare is affirmed, and shows nothing where nothing is", async () => {
  const rare = await run(({ prompt }) => (prompt.includes("bird") ? "Yes" : "No"));
  expect(rare.findings[0]).toMatch(/: against it at t = 0, 999\.$/);
  const never = await run(() => "No");
  expect(never.findings[0]).toMatch(/: not shown at t = 0, 999\.$/);
  expect(never.findings[2]).toMatch(/that is not shown here: 0\.0 /);
});
