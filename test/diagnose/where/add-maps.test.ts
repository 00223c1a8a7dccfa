/** Explanations with maps at their tokens. */
import { expect, test } from "vitest";
import type { PhraseEvidence } from "../../../src/diagnose/contract/explanation.js";
import { explainAnswer } from "../../../src/diagnose/evidence/explain-answer.js";
import { addMaps } from "../../../src/diagnose/where/add-maps.js";
import { wordTokens } from "../../../src/diagnose/where/word-tokens.js";
import { load } from "../../../src/node/load.js";
import { fakeModel } from "../../../src/testing/fake-model.js";
import { image } from "../../engine/asked.js";

const question = { image, prompt: "What is this?", answer: "A red dog here." };

test("maps lie at the tokens of objects, or at all", async () => {
  const model = fakeModel();
  const explained = await explainAnswer(model, question);
  expect(explained.tokens).toHaveLength(16); // a blank, and a byte for each character
  const dog = explained.answer.indexOf("dog");
  const withMap = await addMaps(model, question, explained, { how: "occlusion", cells: 1 });
  withMap.tokens.forEach(({ map, start }) => {
    expect(map !== undefined, String(start)).toBe(start >= dog && start < dog + 3);
  });
  expect(withMap.tokens[8]!.map).toMatchObject({ rows: 1, columns: 1, how: "occlusion" });
  const all = await addMaps(model, question, explained, { how: "occlusion", of: "all", cells: 1 });
  expect(all.tokens.every(({ map }) => map !== undefined)).toBe(true);
});

test("phrases that were found say which words name objects; without one there is a warning", async () => {
  const explained = await explainAnswer(fakeModel(), question);
  const phrase: PhraseEvidence = {
    text: "red",
    start: 2,
    end: 5,
    kind: "object",
    tokens: [3, 6],
    trust: null,
    signals: {},
    doubtful: false,
    reasons: [],
  };
  const starts = (found: ReturnType<typeof wordTokens>) =>
    [...found].map((i) => explained.tokens[i]!.start);
  expect(starts(wordTokens({ ...explained, phrases: [phrase] }))).toEqual([2, 3, 4]);
  const none = { ...explained, phrases: [{ ...phrase, kind: "relation" as const }] };
  const unmapped = await addMaps(fakeModel(), question, none, { how: "occlusion" });
  expect(unmapped.warnings.at(-1)).toMatch("names no known object");
});

test("attention tells how much of it lies on the image at every token", async () => {
  await using model = await load("pocket", { threads: 1 });
  const picture = new URL("../../../pocket/demo/dev_000010.png", import.meta.url);
  const asked = { image: picture, prompt: "Describe this image briefly.", maxTokens: 8 };
  const explained = await explainAnswer(model, asked);
  const { tokens } = await addMaps(model, asked, explained, { how: "attention", of: "all" });
  for (const { attention, map } of tokens) {
    expect(map).toMatchObject({ rows: 8, columns: 8, how: "attention" });
    const onImage = map!.values.reduce((sum, value) => sum + value, 0);
    expect(attention).toBeCloseTo(onImage, 5);
  }
});
