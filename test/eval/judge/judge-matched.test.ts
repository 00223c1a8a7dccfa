import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { InferenceError } from "../../../src/errors.js";
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

test("no verdict at all is a failure, with the reasons; those in the file are enough to go on", async () => {
  const broken = {
    ...setup(),
    judge: { name: "test", ask: () => Promise.reject(new Error("401")) },
  };
  const none = answered.map((one) => ({ ...one, verdict: null }));
  const judging = judgeMatched(rubric, "judge", none, broken);
  await expect(judging).rejects.toThrow(InferenceError);
  await expect(judging).rejects.toThrow(
    /^no verdict for rubric: 0 judged, .*3 failed \(401\); check/,
  );
  const { tally } = await judgeMatched(rubric, "judge", answered, broken);
  expect(tally?.failed).toEqual({ 401: 2 });
});

test("a judge that gives no text, or throws no error, has failed", async () => {
  const odd = {
    ...setup(),
    judge: {
      name: "test",
      ask: async ({ prompt }: { prompt: string }) =>
        prompt.includes("answer 1") ? (undefined as unknown as string) : Promise.reject("oh"),
    },
  };
  const { tally } = await judgeMatched(rubric, "judge", answered, odd);
  expect(tally?.failed).toEqual({ "the judge gave a undefined; expected text": 1, oh: 1 });
});
