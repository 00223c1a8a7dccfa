import { rm } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { baseAnswer } from "../../../src/diagnose/analyses/base-answers.js";
import { openDataFolder } from "../../../src/diagnose/analyses/data-folder.js";
import { describedQuestions } from "../../../src/diagnose/analyses/described-questions.js";
import { forgetting } from "../../../src/diagnose/analyses/forgetting.js";
import { runAnalysis } from "../../../src/diagnose/analyses/run-analysis.js";
import { usualColours } from "../../../src/diagnose/analyses/text-facts.js";
import { load } from "../../../src/node/load.js";
import { loadTextModel } from "../../../src/node/load-text-model.js";
import { fakeModel } from "../../../src/testing/index.js";
import { benchFolder } from "./bench-folder.js";

const description = "There is a cup that is red on the left.";
let folder: string;
beforeAll(async () => {
  folder = await benchFolder([], {
    "colours.jsonl": [
      { image: "a.png", object: "banana", usual: "yellow" },
      { image: "b.png", object: "banana", usual: "yellow" },
      { image: "b.png", object: "orange", usual: "orange" },
    ],
    "reading.jsonl": [
      { image: "a.png", description, text: "Is there a cup in the image?", answer: "yes" },
      {
        image: "a.png",
        description,
        text: "What colour is the cup?",
        answer: "red",
        is_usual: false,
      },
    ],
    "direct.jsonl": [
      { image: "a.png", description, text: "Where?", answer: "In.", rubric: ["in"], forbidden: [] },
    ],
  });
});
afterAll(() => rm(folder, { recursive: true }));

test("makes questions of usual colours, each thing once, and of descriptions, each kind apart", async () => {
  const data = openDataFolder(folder);
  const { questions, rule } = await usualColours(data, "colours.jsonl");
  expect(questions.map(({ prompt, truth, image }) => [prompt, truth, image])).toEqual([
    ["What colour is a banana usually?", "yellow", "banana"],
    ["What is the usual colour of a banana?", "yellow", "banana"],
    ["What colour is an orange usually?", "orange", "orange"],
    ["What is the usual colour of an orange?", "orange", "orange"],
  ]);
  const outcome = (answer: string) => questions[2]!.score(answer, { rule, verdict: null }).outcome;
  expect(outcome("An orange is usually orange.")).toBe("right");
  expect(outcome("An orange is usually blue.")).toBe("wrong");
  const sets = await describedQuestions(data, "reading.jsonl");
  expect(sets.map(({ name, questions }) => [name, questions.length])).toEqual([
    ["reading, yes or no", 1],
    ["reading, colours", 1],
  ]);
  const [direct] = await describedQuestions(data, "direct.jsonl");
  expect(direct!.questions[0]).toMatchObject({ description, image: "a.png", truth: "In." });
});

test("asks both with the same tokens, and counts what one alone knows", async () => {
  await using model = await load("pocket", { threads: 1 });
  await using base = await loadTextModel("pocket-base", { threads: 1 });
  const question = "What colour is a banana usually?";
  expect(await baseAnswer(model, base, { prompt: question })).toMatch(/yellow/);
  expect(await baseAnswer(model, base, { prompt: question, maxTokens: 1 })).not.toMatch(/yellow/);
  // A tuned decoder that has forgotten colours.
  const forgetful = new Proxy(model, {
    get: (of, name) =>
      name === "generateBatch"
        ? async ([...asked]: Parameters<typeof of.generateBatch>[0]) =>
            (await of.generateBatch(asked)).map((answer) => ({
              ...answer,
              text: answer.text.replaceAll(/yellow|red/g, "blue"),
            }))
        : (Reflect.get(of, name).bind?.(of) ?? Reflect.get(of, name)),
  });
  const data = openDataFolder(folder);
  const { table, findings, n } = await runAnalysis(forgetting, { model: forgetful, base, data });
  expect(n).toBe(7);
  expect(table.slice(0, 3)).toMatchObject([
    { set: "usual colours", n: 4, forgotten: expect.stringMatching(/^50\.0 /) },
    { set: "reading, yes or no", n: 1, forgotten: expect.stringMatching(/^0\.0/) },
    { set: "reading, colours", n: 1, forgotten: expect.stringMatching(/^100\.0/) },
  ]);
  expect(table[0]!["points lost"]).toMatch(/^50\.0 /);
  expect(findings[0]).toMatch(/n = 4: 50\.0 .*% right in the base LLM alone, 0\.0 /);
});

test("asks for a base LLM where none is given", async () => {
  await using model = fakeModel({ respond: () => "Yes" });
  const data = openDataFolder(folder);
  await expect(runAnalysis(forgetting, { model, data })).rejects.toThrow(
    /received no base LLM for/,
  );
});
