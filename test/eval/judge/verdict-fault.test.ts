import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { judgeAnswers } from "../../../src/eval/judge/judge-answers.js";
import { openAiJudge } from "../../../src/eval/judge/openai-judge.js";
import { verdictFault } from "../../../src/eval/judge/verdict-fault.js";
import {
  correctnessIn,
  correctnessTask,
  hallusionBenchTask,
  mmhalTask,
  rubricTask,
} from "../../../src/eval/rules/judge-tasks.js";

const judged = { question: "What?", imageContent: null, reference: "Red.", answer: "Blue." };
const form = "the verdict is not in the form that was asked for";

test.each([
  ["Blue is wrong. Rating: 0", null],
  ["**Rating: 4**, as I said: rating: 4.", null],
  ['{"rating":1e999,"explanation":"x"}', form],
  ["Rating: 1e999", form],
  ["Rating: 60", form],
  ["Rating: 3.5", form],
  ["Rating: -1", form],
  ["Rating: 2. No, rating: 3", form],
  ["I cannot say.", form],
])("mmhal: %s", (verdict, fault) => {
  expect(verdictFault(mmhalTask(judged), verdict)).toBe(fault);
});

test.each([
  ["Incorrect.", null],
  ["unclear", null],
  ["I cannot say whether it is correct.", form],
  ["Unclear whether it is correct", form],
  ['{"rating":1e999}', form],
])("hallusionbench: %s", (verdict, fault) => {
  expect(verdictFault(hallusionBenchTask(judged), verdict)).toBe(fault);
});

test.each([
  ["Correct", "correct"],
  ["**Incorrect.** The correct answer is red.", "incorrect"],
  ["The answer is correct.", "correct"],
  ["<think>Incorrect? No.</think>\n\nVerdict: correct", "correct"],
  ["I cannot say whether it is correct.", null],
  ["This is not correct", null],
  ["not correct", null],
  ["Correct or incorrect? I do not know.", null],
  ["Correct.\nIncorrect.", null],
  ["correctness", null],
  ["", null],
])("correct or incorrect: %j", (verdict, word) => {
  expect(correctnessIn(verdict)).toBe(word);
  expect(verdictFault(correctnessTask(judged), verdict)).toBe(word === null ? form : null);
});

test.each([
  ['{"score": 5, "reason": "x"}', null],
  ["five", "the verdict is no JSON"],
  ['{"score": 6, "reason": "x"}', /schema \("score": Too big: expected number to be <=5\)/],
  ['{"score": 1e999, "reason": "x"}', /"score": .* received Infinity/],
  ['{"score": 2.5, "reason": "x"}', /"score": .*expected int/],
  ['{"score": 2}', /"reason": .*expected string/],
  ['{"score": 2, "reason": "", "my own": 1}', /schema \(it has keys of its own\)/],
])("rubric: %s", (verdict, fault) => {
  const found = verdictFault(rubricTask(judged), verdict);
  if (fault instanceof RegExp) expect(found).toMatch(fault);
  else expect(found).toBe(fault);
});

test("of a schema that cannot be read, only that the verdict is JSON is asked", () => {
  const task = { prompt: "", schema: { not: { type: "string" } } };
  expect(verdictFault(task, "1")).toBeNull();
  expect(verdictFault(task, "one")).toBe("the verdict is no JSON");
});

let folder: string;
let server: Server;
let replies: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fault-"));
  server = createServer((_, response) => {
    const content = replies.shift() ?? "nothing more";
    response.end(JSON.stringify({ choices: [{ message: { content } }] }));
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
  await rm(folder, { recursive: true });
});
const endpoint = () => {
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return openAiJudge({ baseUrl, model: "m", retries: 1, pauseMs: 1 });
};

test("an endpoint is asked again for what was no rating; what never is one is not stored", async () => {
  const cache = join(folder, "verdicts.jsonl");
  const impossible = '{"rating":1e999,"explanation":"x"}';
  replies = [impossible, impossible];
  const failed = await judgeAnswers(endpoint(), [mmhalTask(judged)], { cache });
  expect(failed).toEqual({
    verdicts: [null],
    tally: { judged: 0, cached: 0, failed: { [`judge m: ${form}`]: 1 } },
  });
  expect(await readFile(cache, "utf8")).toBe("");
  replies = [impossible, "Rating: 2"];
  const { verdicts } = await judgeAnswers(endpoint(), [mmhalTask(judged)], { cache });
  expect(verdicts).toEqual(["Rating: 2"]);
});

test("a verdict that was stored earlier and is none is asked for again, and the new one counts", async () => {
  const cache = join(folder, "verdicts.jsonl");
  const task = mmhalTask(judged);
  const anything = { name: "m", ask: async () => '{"rating":1e999}' };
  const { accepts: _, ...unchecked } = task;
  await judgeAnswers(anything, [unchecked], { cache });

  expect((await judgeAnswers(anything, [task], { cache })).verdicts).toEqual([null]);
  const good = { name: "m", ask: async () => "Rating: 5" };
  const again = await judgeAnswers(good, [task], { cache });
  expect(again).toEqual({
    verdicts: ["Rating: 5"],
    tally: { judged: 1, cached: 0, failed: {} },
  });
  const third = await judgeAnswers(anything, [task], { cache });
  expect(third.tally).toEqual({ judged: 0, cached: 1, failed: {} });
});
