/** Methods that change attention against their authors' own functions: see test/peers/make-methods-attention.py. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JsonValue, Model } from "../../src/index.js";
import { load, methodNamed, regular } from "../../src/index.js";
import { RULES } from "../onnx/edits/score-rules.js";
import { largestGap } from "../onnx/edits/small-runs.js";

interface Golden {
  readonly maxTokens: number;
  readonly scores: readonly {
    readonly method: "pai" | "heads" | "vaf";
    readonly settings: Record<string, JsonValue>;
    readonly heads: number;
    readonly queries: number;
    readonly keys: number;
    readonly image: readonly [number, number];
    /** (H, S, T) */
    readonly before: readonly number[];
    readonly after: readonly number[];
  }[];
  readonly questions: readonly { readonly image: string; readonly prompt: string }[];
  readonly cases: readonly {
    readonly method: string;
    readonly settings: Record<string, JsonValue>;
    /** What it answers to each question. */
    readonly tokens: readonly (readonly number[])[];
  }[];
}

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const golden: Golden = JSON.parse(readFileSync(at("test/golden/methods_attention.json"), "utf8"));
const BY = { pai: "magnitude", heads: "heads", vaf: "score" } as const;

test.each(golden.scores)("scores are changed as $method changes them", (one) => {
  const { heads, queries, keys, image, before } = one;
  const [edit] = methodNamed(one.method, one.settings).needs.edits!;
  // The strength of vaf is in its weights.
  const strength = one.method === "vaf" ? 1 : (one.settings.alpha as number);
  const row = {
    strength,
    pastLength: keys - queries,
    newLength: queries,
    newColumn: keys - queries,
    images: [{ start: image[0], end: image[1] }],
    promptLength: keys,
  };
  const feeds = edit!.feeds({ rows: [row], steps: queries, columns: keys, inputShape: () => [] });
  const weights = Object.values(feeds)[0]!.data as Float32Array;
  const cells = queries * keys;
  const changed = before.map((score, i) => {
    const all = Array.from({ length: heads }, (_, head) => before[head * cells + (i % cells)]!);
    return score + weights[i % cells]! * RULES[BY[one.method]](all, Math.floor(i / cells));
  });
  // Behind the causal mask scores are rounded to its size.
  const seen = (_: number, i: number) =>
    i % keys <= keys - queries + Math.floor((i % cells) / keys);
  expect(largestGap(changed.filter(seen), one.after.filter(seen))).toBeLessThan(1e-5);
  expect(largestGap(before.filter(seen), one.after.filter(seen))).toBeGreaterThan(0.01);
});

describe("pocket, decoded step by step with the authors' attention in its layers", () => {
  let model: Model;
  const answers = (method = regular()) =>
    model.generateBatch(
      golden.questions.map(({ image, prompt }) => ({
        image: at(`pocket/bench/dev/images/${image}`),
        prompt,
        method,
        maxTokens: golden.maxTokens,
      })),
    );
  beforeAll(async () => {
    model = await load("pocket", { threads: 1 });
  });
  afterAll(() => model.dispose());

  test.each(golden.cases)("says the same tokens: $method $settings", async (one) => {
    const found = await answers(methodNamed(one.method, one.settings));
    expect(found.map(({ tokens }) => tokens.map(({ id }) => id))).toEqual(one.tokens);
  });

  test("which differ from those of regular where strengths are high", () => {
    const [plain, ...others] = golden.cases;
    const differing = others.map(
      ({ tokens }) => tokens.filter((own, i) => `${own}` !== `${plain!.tokens[i]}`).length,
    );
    expect(Math.max(...differing)).toBeGreaterThan(3);
  });
});
