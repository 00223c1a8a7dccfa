import { rm } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { consistency } from "../../../src/diagnose/analyses/consistency.js";
import { openDataFolder } from "../../../src/diagnose/analyses/data-folder.js";
import { runAnalysis } from "../../../src/diagnose/analyses/run-analysis.js";
import { WORDINGS } from "../../../src/diagnose/analyses/wordings.js";
import { fakeModel } from "../../../src/testing/index.js";
import { BRIGHT, benchFolder } from "./bench-folder.js";

const names = [..."abcdefghijkl"].map((name) => `${name}.png`);
let folder: string;
beforeAll(async () => {
  folder = await benchFolder([], {
    "pope_adversarial.jsonl": names.flatMap((image) => [
      { image, text: "Is there a cat in the image?", label: "yes" },
      { image, text: "Is there an owl in the image?", label: "no" },
    ]),
    "relations.jsonl": names.map((image) => ({
      image,
      text: "Is the cat above the cup?",
      label: "yes",
      type: "relation",
    })),
  });
});
afterAll(() => rm(folder, { recursive: true }));

test("counts contradictions of each wording", async () => {
  await using model = fakeModel({
    respond: ({ prompt }) => {
      if (prompt.includes("Would you say")) return "Yes";
      if (prompt.includes("below")) return "No";
      return prompt.includes("owl") ? "No" : "Yes";
    },
  });
  const data = openDataFolder(folder, { images: BRIGHT });
  const { n, table, findings, plots } = await runAnalysis(consistency, { model, data });
  expect(n).toBe(36);
  const rate = (again: string, set = "pope_adversarial") =>
    table.find((row) => row.set === set && row["asked again"] === again)!.inconsistent;
  expect(rate("Can you see ...?")).toMatch(/^0\.0 /);
  expect(rate("Would you say that this photo shows ...?")).toMatch(/^50\.0 /);
  expect(rate("Is there no ...?")).toMatch(/^100\.0 /);
  expect(rate("converse", "relations")).toMatch(/^100\.0 /);
  expect(rate("asked twice, sampled")).toMatch(/^0\.0 /);
  expect(findings).toEqual([
    expect.stringMatching(/^As in the papers, answers change in other words: 16\.7 .*n = 72/),
    expect.stringMatching(/^As in the papers, answers change when the question is turned round/),
    expect.stringMatching(/^As in the papers, a question and its negation get the same answer/),
    expect.stringMatching(/^The papers found .* sample to sample; here it is 0\.0 /),
  ]);
  const [existence] = plots[0]!.series;
  expect(existence!.points.map(({ x }) => x)).toEqual(["reworded", "negated", "twice"]);
});

test("finds wrong answers that change from sample to sample", async () => {
  const byte = (letter: string) => letter.charCodeAt(0);
  await using model = fakeModel({
    // Unsure about owls, and then a yes is a little likelier.
    logits: (context) => {
      const text = String.fromCharCode(...context.map(({ id }) => id));
      const answer = text.slice(text.lastIndexOf("MODEL:") + "MODEL:".length);
      const scores = new Float32Array(259).fill(-50);
      if (answer === "") {
        scores[byte("Y")] = 1;
        scores[byte("N")] = text.includes("owl") ? 0.9 : -50;
      } else {
        const next = { Y: byte("e"), Ye: byte("s"), N: byte("o") }[answer];
        scores[next ?? 257] = 50;
      }
      return scores;
    },
  });
  const data = openDataFolder(folder, { images: BRIGHT });
  const { findings } = await runAnalysis(consistency, { model, data });
  expect(findings.at(-1)).toMatch(/^As in the paper, wrong answers \(n = 12\) change more often/);
});

describe("other words", () => {
  test.each([
    [
      "Does the image contain ...?",
      "Is there a cat in the image?",
      "Does the image contain a cat?",
    ],
    [
      "Can you see ...?",
      "Is there an owl in the image? Please answer this question with one word.",
      "Can you see an owl? Please answer this question with one word.",
    ],
    [
      "Tell me the colour of ...",
      "What color is the stop sign?",
      "Tell me the color of the stop sign.",
    ],
    ["converse", "Is the cat to the left of the cup?", "Is the cup to the right of the cat?"],
    ["converse", "Is the cat next to the cup?", "Is the cup next to the cat?"],
    ["Is there no ...?", "Is there an owl in the image?", "Is there no owl in the image?"],
    ["Is there no ...?", "How many owls are there?", null],
    ["converse", "Is the cat red in this image?", null],
  ])("%s: %s", (name, question, other) => {
    expect(WORDINGS.find((wording) => wording.name === name)!.put(question)).toBe(other);
  });
});
