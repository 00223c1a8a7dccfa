import { describe, expect, test } from "vitest";
import { measureMethods } from "../../src/cli/measure-methods.js";
import type { Answer, GenerateRequest, Model } from "../../src/index.js";

/** A model whose first answer, and first answer of each method, are dear, as real ones are. */
function dearAtFirst(tokensOf: Record<string, number>, drift: (asked: number) => number) {
  const seen = new Set<string>();
  const asked: string[] = [];
  const generate = async ({ method, maxTokens = 64 }: GenerateRequest): Promise<Answer> => {
    const name = method!.name;
    const cold = (seen.size === 0 ? 100 : 1) * (seen.has(name) ? 1 : 10);
    seen.add(name);
    asked.push(name);
    const count = Math.min(maxTokens, tokensOf[name]!);
    const steps = count - 1 + (count === tokensOf[name] ? 1 : 0);
    const price = name === "double" ? 2 : 1;
    const decodeMs = steps * price * cold * drift(asked.length);
    return {
      tokens: Array.from({ length: count }, (_, id) => ({ id, text: "a", logprob: 0 })),
      finishReason: count === tokensOf[name] ? "eos" : "length",
      timings: { imageMs: cold, prefillMs: cold, decodeMs, msPerToken: null, totalMs: decodeMs },
    } as unknown as Answer;
  };
  return { model: { generate } satisfies Pick<Model, "generate">, asked };
}

const requests = (...names: string[]) =>
  names.map((name) => ({ prompt: "?", method: { name } }) as unknown as GenerateRequest);

describe("measureMethods", () => {
  test("what is paid once is nobody's price: twice the same costs the same", async () => {
    const { model } = dearAtFirst({ one: 20, double: 20 }, () => 1);
    const { answers, rounds } = await measureMethods(model, requests("one", "one", "double"), {
      rounds: 3,
    });
    expect(rounds).toBe(3);
    expect(answers.map(({ ratio }) => ratio)).toEqual([1, 1, 2]);
    expect(answers.map(({ timings }) => timings.msPerToken)).toEqual([1, 1, 2]);
    expect(answers[0]!.first).toEqual({ imageMs: 1000, prefillMs: 1000 });
    expect(answers[2]!.first).toEqual({ imageMs: 10, prefillMs: 10 });
    expect(answers[0]!.timings.imageMs).toBe(1);
  });

  test("a machine that slows down all the while favours no one", async () => {
    const { model } = dearAtFirst({ one: 20 }, (asked) => 1 + asked / 10);
    const { answers } = await measureMethods(model, requests("one", "one", "one"), { rounds: 8 });
    for (const { ratio } of answers) expect(Math.abs(ratio! - 1)).toBeLessThan(0.02);
  });

  test("warms each up by 8 steps, short answers by several; the end of text is a step", async () => {
    const { model, asked } = dearAtFirst({ short: 1, one: 20 }, () => 1);
    const { answers } = await measureMethods(model, requests("one", "short"), { rounds: 1 });
    expect(asked.filter((name) => name === "one")).toHaveLength(2);
    expect(asked.filter((name) => name === "short")).toHaveLength(9);
    expect(answers[1]).toMatchObject({ ratio: 1, timings: { msPerToken: 1 } });
  });

  test("goes on by itself for several rounds, each second one in reverse", async () => {
    const { model, asked } = dearAtFirst({ one: 20, double: 20 }, () => 1);
    const { rounds } = await measureMethods(model, requests("one", "double"));
    expect(rounds).toBe(31);
    expect(asked.slice(2, 6)).toEqual(["one", "double", "double", "one"]);
  });
});
