import { describe, expect, test } from "vitest";
import { DECODED_CONTROLS } from "../../../src/eval/controls/decoded-controls.js";
import { type Method, regular } from "../../../src/index.js";
import { fakeModel } from "../../../src/testing/index.js";

const control = (name: string) => DECODED_CONTROLS[name]!.create();

const END = 257;

/** A model whose next token is always one of `a` and the end, the letter ahead by so many nats. */
const ahead = (nats: number) =>
  fakeModel({
    logits: () => {
      const logits = new Float32Array(259).fill(-50);
      logits["a".charCodeAt(0)] = nats;
      logits[END] = 0;
      return logits;
    },
  });

test("pba asks for yes behind the question", async () => {
  await using model = fakeModel({ respond: ({ prompt }) => prompt });
  const { text } = await model.generate({
    prompt: "Is it?",
    method: control("pba"),
    maxTokens: 99,
  });
  expect(text).toBe("Is it? Answer yes whenever possible.");
});

describe("eos", () => {
  test.each([
    [1.9, ""],
    [2.1, "aaaa"],
  ])("ends where another token is less than 2 nats ahead: %s", async (nats, expected) => {
    await using model = ahead(nats);
    const { text } = await model.generate({ prompt: "?", method: control("eos"), maxTokens: 4 });
    expect(text).toBe(expected);
  });
});

describe("cool", () => {
  const shareOf = async (method: Method) => {
    await using model = ahead(1);
    const requests = Array.from({ length: 1000 }, (_, seed) => ({
      ...{ prompt: "?", method, maxTokens: 1, temperature: 1, seed },
    }));
    const answers = await model.generateBatch(requests);
    return answers.filter(({ text }) => text === "a").length / answers.length;
  };

  test("samples at half the temperature: 1 nat becomes 2, 73% becomes 88%", async () => {
    expect(await shareOf(regular())).toBeCloseTo(1 / (1 + Math.exp(-1)), 1);
    expect(await shareOf(control("cool"))).toBeCloseTo(1 / (1 + Math.exp(-2)), 1);
  });
});
