import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { rubric } from "../../../src/eval/benchmarks/rubric.js";
import { judgeMatched } from "../../../src/eval/judge/judge-matched.js";
import { scoreMatched } from "../../../src/eval/scoring/score-answers.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "judged-"));
});
afterEach(() => rm(folder, { recursive: true }));

const rows = ["eat it", "ride it", "wear it"].map((answer, i) => ({
  question_id: i,
  image: "a.png",
  text: "What can you do with it?",
  answer,
  rubric: [answer],
}));
const data = { name: "rubric.json", text: JSON.stringify(rows) };
const questions = rubric.load({ data, truth: null });
const answered = questions.map((question, i) => ({
  question,
  answer: `answer ${i}`,
  verdict: i === 0 ? '{"score": 5, "reason": "given"}' : null,
}));

/** Grades 2, except for one answer that it cannot judge. */
const setup = () => ({
  judge: {
    name: "test",
    ask: async ({ prompt }: { prompt: string }) => {
      if (prompt.includes("answer 2")) throw new Error("status 500");
      return '{"score": 2, "reason": "wrong"}';
    },
  },
  cache: join(folder, "verdicts.jsonl"),
});

test("only missing verdicts are asked for; a failure is shown apart and not scored", async () => {
  const judged = await judgeMatched(rubric, "judge", answered, setup());
  expect(judged.tally).toEqual({ judged: 1, cached: 0, failed: { "status 500": 1 } });
  const { metrics, counts, unparsed } = scoreMatched(rubric, judged.answered, "judge");
  expect(metrics.average_score).toEqual({ value: 3.5 });
  expect(counts).toMatchObject({ asked: 2, unjudged: 1 });
  expect(unparsed).toBe(1);
});

test("a rule without judge leaves the answers alone", async () => {
  const judged = await judgeMatched(rubric, "keywords", answered, null);
  expect(judged).toEqual({ answered, tally: null });
});

test("a missing judge is told with the way out", async () => {
  await expect(judgeMatched(rubric, "judge", answered, null)).rejects.toThrow(
    "rule judge of rubric needs a judge: give --judge-model, or use --rule keywords",
  );
});
