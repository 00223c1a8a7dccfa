import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { pope } from "../../../src/eval/benchmarks/pope.js";

const shared = new URL("../../../../shared/data/pope/", import.meta.url);

describe.skipIf(!existsSync(shared))("published questions (needs ../shared/data)", () => {
  const files = ["coco", "aokvqa", "gqa"].flatMap((source) =>
    ["random", "popular", "adversarial"].map((kind) => `${source}/${source}_pope_${kind}.json`),
  );

  test.each(files)("%s: 3,000 questions, half of them yes", (file) => {
    const text = readFileSync(new URL(file, shared), "utf8");
    const questions = pope.load({ data: { name: file, text }, truth: null });
    expect(questions).toHaveLength(3000);
    expect(questions.filter(({ truth }) => truth === "yes")).toHaveLength(1500);
  });
});
