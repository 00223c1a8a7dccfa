import { describe, expect, test } from "vitest";
import { benchmarkNamed } from "../../../src/eval/benchmarks/registry.js";
import { type Finish, finishesOf, keepsFinish } from "../../../src/eval/report/finishes.js";
import { answerKey, type StoredAnswer } from "../../../src/eval/store/stored-rows.js";
import { analysed } from "../analysed.js";

const key = { set: "s", method: "regular", seed: null };
const stored = (id: string, more: Partial<StoredAnswer> = {}): StoredAnswer => ({
  ...key,
  id,
  text: "A dog",
  ...more,
});
const timings = (tokens: Readonly<Record<string, number>>) =>
  new Map(
    Object.entries(tokens).map(([id, n]) => [
      answerKey({ ...key, id }),
      { ...key, id, ms: 1, tokens: n },
    ]),
  );
const ended = (answers: readonly StoredAnswer[], tokens: Readonly<Record<string, number>>) =>
  Object.fromEntries(
    finishesOf(answers, timings(tokens), { maxTokens: 8, kept: keepsFinish(answers) }),
  );

describe("how answers ended", () => {
  test("a run that keeps it: what was not cut ended by itself", () => {
    const answers = [stored("a", { finish: "length" }), stored("b"), stored("c")];
    expect(ended(answers, { a: 8, b: 3, c: 8 })).toEqual({ a: "length", b: "stop", c: "stop" });
    expect(ended([stored("a", { margin: 1 }), stored("b")], {})).toEqual({ a: "stop", b: "stop" });
    expect(ended([stored("a", { changed: 0 })], { a: 8 })).toEqual({ a: "stop" });
  });

  test("a run that does not: only of those shorter than the limit it is known", () => {
    expect(ended([stored("a"), stored("b"), stored("c")], { a: 3, b: 8 })).toEqual({ a: "stop" });
  });
});

describe("the share that hit the limit", () => {
  const rubric = benchmarkNamed("rubric");
  const rows = [0, 1, 2, 3].map((i) => ({
    question_id: i,
    image: `${i}.png`,
    text: "?",
    answer: "a",
    rubric: ["a"],
  }));
  const questions = rubric.load({ data: { name: "q", text: JSON.stringify(rows) }, truth: null });
  const share = (finishes?: readonly (Finish | null)[]) => {
    const known = finishes?.flatMap((finish, i) =>
      finish === null ? [] : [[String(i), finish] as const],
    );
    const { behaviour } = analysed({ name: "set", benchmark: rubric, rule: "keywords" }, [
      {
        method: "regular",
        seed: null,
        answered: questions.map((question) => ({ question, answer: "a", verdict: null })),
        timings: [],
        ...(known === undefined ? {} : { finishes: new Map(known) }),
      },
    ]);
    return behaviour[0]?.figures.hit_limit;
  };

  test("hand-worked: one of four, 25%", () => {
    const figure = share(["length", "stop", "stop", "stop"]);
    expect(figure?.value).toEqual({ value: 0.25 });
    expect(figure?.interval?.low).toBeGreaterThanOrEqual(0);
    expect(figure?.interval?.high).toBeLessThanOrEqual(1);
  });

  test("null with a reason where it is not known of all, without interval", () => {
    const reason = "the run did not keep how answers ended";
    for (const unknown of [share(), share(["length", "stop", "stop", null])]) {
      expect(unknown).toEqual({ value: { value: null, reason }, interval: null, spread: null });
    }
  });
});
