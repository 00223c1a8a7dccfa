import { describe, expect, test } from "vitest";
import type { RunSet } from "../../../src/eval/run/plan-run.js";
import { measureCosts } from "../../../src/eval/tuning/measure-costs.js";
import { type GenerateRequest, type Method, type Model, regular } from "../../../src/index.js";

/** Sets of questions about images, two about each. */
function setOf(name: string, images: number): RunSet {
  const questions = Array.from({ length: 2 * images }, (_, i) => ({
    id: `${i}`,
    image: `${name}-${i >> 1}.png`,
    prompt: `${name} ${i}?`,
  }));
  return { name, images: "images", questions, maxTokens: 5 } as unknown as RunSet;
}

const method = (name: string): Method => ({ ...regular(), name });
const candidates = new Map([
  ["regular", regular()],
  ["cheap", method("cheap")],
  ["good", method("good")],
  ["dear", method("dear")],
  ["worse", method("worse")],
]);
const tried = [
  { name: "cheap", rank: 2, figures: [] },
  { name: "good", rank: 1, figures: [] },
  { name: "dear", rank: 1, figures: [] },
  { name: "worse", rank: 3, figures: [] },
];
const MS: Readonly<Record<string, number>> = {
  regular: 10,
  cheap: 10,
  good: 30,
  dear: 80,
  worse: 30,
};

/** A model that takes its time, by the method. */
function slowModel() {
  const asked: GenerateRequest[] = [];
  const model = {
    async generate(request: GenerateRequest) {
      asked.push(request);
      const end = performance.now() + MS[request.method?.name ?? "regular"]!;
      while (performance.now() < end);
      return {};
    },
  } as unknown as Pick<Model, "generate">;
  return { model, asked };
}

describe("costs of tried settings", () => {
  test("are ratios to regular, and the frontier holds what no other beats in both", async () => {
    const { model, asked } = slowModel();
    const costs = await measureCosts(model, { tried }, [setOf("a", 9), setOf("b", 2)], candidates, {
      questions: 4,
      promptSuffix: " Say.",
    });
    expect(costs.map(({ name, rank, onFrontier }) => [name, rank, onFrontier])).toEqual([
      ["regular", null, false],
      ["cheap", 2, true],
      ["good", 1, true],
      ["dear", 1, false],
      ["worse", 3, false],
    ]);
    expect(costs[0]!.ratio).toBe(1);
    expect(costs[3]!.ratio).toBeGreaterThan(costs[2]!.ratio);
    // Each question: once to have the image encoded, then every method.
    expect(asked).toHaveLength(4 * 6);
    expect(asked[0]).toMatchObject({ maxTokens: 1, prompt: "a 0? Say.", image: "images/a-0.png" });
    const images = new Set(asked.map(({ image }) => image));
    expect(images.size).toBe(4);
    const order = asked.slice(7, 12).map(({ method: one }) => one?.name);
    expect(order).toEqual(["worse", "dear", "good", "cheap", "regular"]);
  });

  test("stop at a signal", async () => {
    const { model } = slowModel();
    const signal = AbortSignal.abort();
    await expect(
      measureCosts(model, { tried }, [setOf("a", 2)], candidates, { signal }),
    ).rejects.toThrow("stopped while costs were measured");
  });
});
