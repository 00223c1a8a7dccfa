/** Base ranks against PyTorch's (test/peers/make-base-ranks.py), and against reading token by token. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { baseViews } from "../../../src/diagnose/evidence/base-views.js";
import { explainAnswer } from "../../../src/diagnose/evidence/explain-answer.js";
import type { Model } from "../../../src/engine/model.js";
import type { TextModel } from "../../../src/engine/text-model.js";
import { rankOf } from "../../../src/math/rank-of.js";
import { load } from "../../../src/node/load.js";
import { loadTextModel } from "../../../src/node/load-text-model.js";
import { ids } from "../../engine/asked.js";
import golden from "../../golden/base_ranks.json" with { type: "json" };

let model: Model;
let base: TextModel;
beforeAll(async () => {
  [model, base] = [
    await load("pocket", { threads: 1 }),
    await loadTextModel("pocket-base", { threads: 1 }),
  ];
});
afterAll(() => Promise.all([model.dispose(), base.dispose()]));

const requestOf = (image: string) => ({
  image: fileURLToPath(new URL(`../../../pocket/bench/test/images/${image}`, import.meta.url)),
  prompt: golden.question,
});

test("every token of 50 captions has the rank that PyTorch finds", async () => {
  const all = golden.rows.flatMap(({ ranks }) => ranks);
  expect([golden.rows.length, all.length]).toEqual([50, 1203]);
  for (const { tokens: answer, ranks } of golden.rows) {
    const read = await baseViews(model, base, { prompt: golden.prompt, answer }, { top: 0 });
    expect(read.views.map((view) => view!.rank)).toEqual(ranks);
  }
});

test("the tokens of a greedy caption are PyTorch's, too", async () => {
  const { image, tokens } = golden.rows[0]!;
  expect(ids(await model.generate(requestOf(image)))).toEqual(tokens);
});

test("one pass gives the ranks of a pass for each token", async () => {
  for (const { image, tokens, ranks: expected } of golden.rows.slice(0, 1)) {
    const told = await explainAnswer(model, { ...requestOf(image), answer: tokens }, { base });
    expect(told.tokens.map((token) => token.base!.rank)).toEqual(expected);
    for (const [i, token] of tokens.entries()) {
      const before = [...golden.prompt, ...tokens.slice(0, i)];
      const ranks: number[] = [];
      await base.logits(before, (logits) => ranks.push(rankOf(logits, token)), {
        from: before.length - 1,
      });
      expect(ranks).toEqual([expected[i]]);
    }
  }
});
