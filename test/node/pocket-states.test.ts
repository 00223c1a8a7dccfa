import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Demonstration,
  deco,
  dola,
  fitSubspace,
  load,
  type Method,
  type Model,
  nullu,
  vista,
} from "../../src/index.js";
import golden from "../golden/methods_states.json" with { type: "json" };

const pocket = fileURLToPath(new URL("../../pocket/", import.meta.url));
const bench = `${pocket}bench/`;
const hasPocket = existsSync(`${pocket}llava/config.json`) && existsSync(`${bench}test/images`);
if (!hasPocket) console.warn("SKIPPED: methods on pocket/llava, as it is not there");

/** The pairs that the fixture's subspace is of. */
function demonstrations(): Demonstration[] {
  const lines = readFileSync(`${bench}dev/demonstrations.jsonl`, "utf8").split("\n").slice(0, 12);
  return lines.map((line) => {
    const { image, text: prompt, caption, hallucinated } = JSON.parse(line);
    return { image: `${bench}dev/images/${image}`, prompt, caption, hallucinated };
  });
}

describe.skipIf(!hasPocket)("30 answers of pocket are those of the authors' functions", () => {
  let model: Model;
  beforeAll(async () => {
    model = await load("pocket", { dtype: "fp32", threads: 1 });
  });
  afterAll(() => model?.dispose());

  const methods: Record<string, () => Promise<Method> | Method> = {
    deco: () => deco(),
    dola: () => dola(),
    vista: () => vista(),
    nullu: async () => nullu({ directions: await fitSubspace(model, demonstrations()) }),
  };

  test.each(["deco", "dola", "vista", "nullu"] as const)("%s, token by token", async (name) => {
    const method = await methods[name]!();
    const answers = await model.generateBatch(
      golden.questions.map(({ image, text }) => ({
        image: `${bench}test/images/${image}`,
        prompt: text,
        method,
        maxTokens: 32,
      })),
    );
    expect(answers.map(({ tokens }) => tokens.map(({ id }) => id))).toEqual(
      golden.questions.map(({ tokens }) => tokens[name]),
    );
  });
});
