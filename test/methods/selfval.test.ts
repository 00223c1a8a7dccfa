/** SelfVal on samples and chances that are known. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { verifyObjects } from "../../src/diagnose/trust/ask-back.js";
import type { Method } from "../../src/engine/method.js";
import { load } from "../../src/index.js";
import { anyElement } from "../../src/methods/ask-back.js";
import { methodNamed } from "../../src/methods/registry.js";
import { captionScore, certainClauses, selfval } from "../../src/methods/selfval.js";
import { vcd } from "../../src/methods/vcd.js";
import { ELEMENT_PROMPT, WORDING } from "../../src/objects/ask-about.js";
import { fakeModel } from "../../src/testing/fake-model.js";
import { ANSWER_MARK, fakeText } from "../../src/testing/fake-tokens.js";
import { image } from "../engine/asked.js";
import golden from "../golden/methods_selfval.json" with { type: "json" };
import { tellingModel } from "./telling-model.js";

const LISTS = ["A dog and a fork.", "A dog and a cup.", "A dog. A cup, a spoon!"];
const ask = { image, prompt: "Describe.", maxTokens: 120 };
const SUMMED = "Description from different sources:\n";

/** A model that captions, and names dogs and cups when it is asked for any element: never a fork or a spoon. */
const model = () =>
  tellingModel((question) => {
    if (question.includes(ELEMENT_PROMPT)) return ["Dog", "Cup"];
    return question.includes(SUMMED) ? [`All: ${question.split("\n")[1]}`] : LISTS;
  });

describe("the best sample", () => {
  const method = selfval({ samples: 8, temperature: 3 });

  test("is the one with the highest mean chance of its objects", async () => {
    const { text, details, tokens } = await model().model.generate({ ...ask, method });
    const { samples, scores, chosen, chances } = details.selfval as never as {
      samples: string[];
      scores: number[];
      chosen: number;
      chances: Record<string, number>;
    };
    expect(samples).toHaveLength(8);
    expect(new Set(samples).size).toBeGreaterThan(1);
    expect(scores[chosen]).toBe(Math.max(...scores));
    expect(samples[chosen]).toBe(text);
    expect(text).toBe("A dog and a cup.");
    expect(chances.dog).toBeGreaterThan(chances.cup!);
    expect(chances.cup).toBeGreaterThan(0.05);
    expect(chances.fork).toBeLessThan(1e-9);
    expect(tokens.every(({ logprob }) => logprob !== null)).toBe(true);
  });

  test("same seed, same tokens, alone or in a batch", async () => {
    const of = (seed: number) => ({ ...ask, seed, method });
    const alone = await model().model.generate(of(4));
    const batch = await model().model.generateBatch([of(1), of(4), of(9)]);
    expect(batch[1]!.tokens).toEqual(alone.tokens);
    expect(batch[1]!.details).toEqual(alone.details);
    expect(batch[0]!.details).not.toEqual(alone.details);
  });
});

describe("one answer of all", () => {
  test("is asked for with the clauses that name nothing unlikely", async () => {
    const method = selfval({ mode: "aggregate", samples: 4, temperature: 3, method: vcd() });
    const { model: some, asked } = model();
    const { text, details } = await some.generate({ ...ask, method });
    const { clauses, samples } = details.selfval as never as {
      clauses: string[];
      samples: string[];
    };
    expect(samples).toHaveLength(4);
    expect(text).toBe(`All: ${clauses.join("||")}`);
    expect(clauses.join()).not.toMatch(/fork|spoon/);
    expect([...asked].filter((question) => question.includes(SUMMED))).toHaveLength(1);
  });

  test("the best sample where no clause is left", async () => {
    const method = selfval({ mode: "aggregate", samples: 2, threshold: 1 });
    const { text, details } = await model().model.generate({ ...ask, method });
    expect(details.selfval).toMatchObject({ mode: "aggregate", chosen: expect.any(Number) });
    expect(LISTS).toContain(text);
  });
});

const mention = (word: string, start: number) => ({
  word,
  object: word,
  start,
  end: start + word.length,
  token: 0,
});

test("an object that is named twice counts twice; a text without any is certain", () => {
  const chances = new Map([
    ["dog", 0.5],
    ["cup", 0.1],
  ]);
  expect(captionScore({ mentions: [] }, chances)).toBe(1);
  const mentions = [mention("dog", 2), mention("cup", 9), mention("cup", 16)];
  expect(captionScore({ mentions }, chances)).toBeCloseTo(0.7 / 3, 12);
  const text = "A dog, a cup, a cup. It is: small";
  const shifted = [mention("dog", 2), mention("cup", 9), mention("cup", 16)];
  expect(certainClauses({ text, mentions: shifted }, chances, 0.1)).toEqual([
    "A dog,",
    "It is:",
    "small",
  ]);
  expect(certainClauses({ text, mentions: shifted }, chances, 0.09)).toHaveLength(5);
});

test("is made again from its settings, needs an image, and depends on the seed", async () => {
  const method = selfval({ form: "official", method: vcd({ alpha: 2 }) });
  expect(methodNamed(method.name, method.settings).settings).toEqual(method.settings);
  expect([selfval().settings.samples, selfval({ mode: "aggregate" }).settings.samples]).toEqual([
    5, 3,
  ]);
  expect(method.seeded).toBe(true);
  await expect(model().model.generate({ prompt: "?", method })).rejects.toThrow("needs an image");
});

describe("as the authors' code", () => {
  /** Made-up logits (259) behind some bytes, the same in test/peers/make-methods-selfval.py. */
  const logitsBehind = (bytes: readonly number[]): Float32Array =>
    Float32Array.from({ length: 259 }, (_, at) => {
      const isLetter = (at >= 66 && at <= 84) || (at >= 97 && at <= 117);
      const sum = bytes.reduce((all, byte) => all + byte, 0);
      return 2 * Math.sin(1 + 7 * at + 13 * sum + 5 * bytes.length) + (isLetter ? 8 : 0);
    });

  test.each(golden.cases)("the score of $objects is that of their functions", async (one) => {
    let score = Number.NaN;
    const method: Method = {
      name: "scoring",
      settings: {},
      needs: {},
      async start(run) {
        const logs = await anyElement(run, one.objects, ELEMENT_PROMPT, "official");
        const chances = new Map(one.objects.map((name, i) => [name, Math.exp(logs[i]!)]));
        score = captionScore({ mentions: one.objects.map((name) => mention(name, 0)) }, chances);
        return {
          streams: [{ view: run.view }],
          answer: { text: "", tokens: [], finishReason: "eos" },
        };
      },
    };
    const some = fakeModel({
      logits: (context) => {
        const ids = context.map(({ id }) => id);
        const marked = fakeText(ids);
        const said = marked.slice(marked.lastIndexOf(ANSWER_MARK) + ANSWER_MARK.length);
        return logitsBehind([...new TextEncoder().encode(said)]);
      },
    });
    await some.generate({ image, prompt: "?", method });
    expect(Math.abs(score / one.score - 1)).toBeLessThan(1e-4);
  });
});

const pocket = fileURLToPath(new URL("../../pocket/", import.meta.url));
const images = `${pocket}bench/dev/images/`;
describe.skipIf(!existsSync(images))("asking back on the pocket checkpoint", () => {
  test("margins of 30 images are those of ONNX Runtime in Python", async () => {
    await using some = await load("pocket", { threads: 1 });
    for (const { image, margins } of golden.rows) {
      const names = Object.keys(margins);
      const own = await verifyObjects(some, `${images}${image}`, names, { wording: WORDING });
      names.forEach((name, i) => {
        expect(
          Math.abs(own[i]! - (margins as never as Record<string, number>)[name]!),
        ).toBeLessThan(1e-3);
      });
    }
  });
});
