/** `verify` and `selfval` on pocket against code that shares nothing with them (test/peers/make-methods-verify.py). */

import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Answer } from "../../src/engine/answer.js";
import type { Draft, Method } from "../../src/engine/method.js";
import type { Model } from "../../src/engine/model.js";
import { load } from "../../src/index.js";
import { regular } from "../../src/methods/regular.js";
import { selfval } from "../../src/methods/selfval.js";
import { verify } from "../../src/methods/verify.js";
import golden from "../golden/methods_verify.json" with { type: "json" };

const IMAGES = fileURLToPath(new URL("../../pocket/bench/test/images/", import.meta.url));
const { question, maxTokens, threshold, rows } = golden;

/** A method whose drafts are known: draws cannot be shared with another program. Behind them it is `regular`. */
function drafting(drafts: readonly (readonly number[])[]): Method {
  let made = 0;
  return {
    ...regular(),
    name: "drafting",
    async start(run) {
      const session = await regular().start(run);
      const ids = drafts[made++];
      if (ids === undefined) return session;
      const answer: Draft = {
        text: run.model.decode(ids).trim(),
        tokens: ids.map((id) => ({ id, text: run.model.decode([id]), logprob: 0 })),
        finishReason: "eos",
      };
      return { ...session, answer };
    },
  };
}

type Row = (typeof rows)[number];

/** What is asked of each image, and the methods that answer. */
const ASKED: Readonly<Record<string, (row: Row) => Method>> = {
  rewrite: () => verify(),
  rewriteTwo: ({ two }) => verify({ method: drafting([two]) }),
  drop: ({ two }) => verify({ mode: "drop", method: drafting([two]) }),
  best: ({ samples }) => verify({ mode: "best", ...given(samples) }),
  spellings: ({ samples }) => selfval(given(samples)),
  official: ({ samples }) => selfval({ form: "official", ...given(samples) }),
  aggregate: ({ samples }) => selfval({ mode: "aggregate", threshold, ...given(samples) }),
};

function given(samples: Row["samples"]): { method: Method; samples: number } {
  return { method: drafting(samples), samples: samples.length };
}

let model: Model;
beforeAll(async () => {
  model = await load("pocket", { threads: 1 });
});
afterAll(() => model.dispose());

const ids = ({ tokens }: Answer) => tokens.map(({ id }) => id);

test("of the drafts of 30 images, 15 are changed", () => {
  expect(rows).toHaveLength(30);
  expect(rows.filter(({ greedy, rewrite }) => greedy.join() !== rewrite.join())).toHaveLength(15);
});

/** Every third image, or all of them where that is asked for. */
const asked = rows.filter((_, i) => i % 3 === 0 || process.env.GROUNDSIGHT_ALL_IMAGES === "1");

describe.each(asked.map((row) => [row.image, row] as const))("%s", (file, row) => {
  let answers: Record<string, Answer>;
  beforeAll(async () => {
    const image = `${IMAGES}${file}`;
    const asked = Object.values(ASKED).map((method) => method(row));
    const made = await model.generateBatch(
      asked.map((method) => ({ image, prompt: question, maxTokens, method })),
    );
    answers = Object.fromEntries(Object.keys(ASKED).map((name, i) => [name, made[i]!]));
  });

  test("verify rewrites its greedy draft to the same tokens", () => {
    expect(ids(answers.rewrite!)).toEqual(row.rewrite);
  });

  test.each(["rewriteTwo", "drop"] as const)("and two sentences that are given (%s)", (name) => {
    expect(ids(answers[name]!)).toEqual(row[name]);
  });

  test("verify takes the same of five samples that are given", () => {
    const { best } = answers;
    expect(ids(best!)).toEqual(row.samples[row.best]);
    expect(best!.details.verify).toMatchObject({ chosen: row.best });
  });

  test.each(["spellings", "official"] as const)(
    "selfval takes of them what its authors' selection takes (%s)",
    (form) => {
      const expected = row[form];
      const { scores, chosen } = answers[form]!.details.selfval as typeof expected;
      expect(chosen).toBe(expected.chosen);
      expect(ids(answers[form]!)).toEqual(row.samples[chosen]);
      scores.forEach((score, n) => {
        const theirs = expected.scores[n]!;
        expect(Math.abs(score - theirs)).toBeLessThan(1e-4 * theirs + 1e-12);
      });
    },
  );

  test("selfval makes the same answer of their clauses", () => {
    const made = answers.aggregate!;
    const { clauses, tokens } = row.aggregate;
    const { chosen } = row.spellings;
    // Where no clause is left, the best sample is taken.
    expect(made.details.selfval).toMatchObject(tokens === null ? { chosen } : { clauses });
    expect(ids(made)).toEqual(tokens ?? row.samples[chosen]);
  });
});
