import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { evaluate, planRun, planSeries, readAnswers, scoreAnswers } from "groundsight/eval";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import sides from "../../examples/own-benchmark.js";
import { InvalidArgumentError, methodNamed } from "../../src/index.js";
import { seeingModel, writeSet } from "./small-run.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "own-"));
  await writeSet(folder);
});
afterAll(() => rm(folder, { recursive: true }));

const rows = ["left", "right", "left", "right"].map((side, i) => ({
  question_id: i,
  image: `${i}.png`,
  text: "Is the cup left or right of the plate?",
  side,
}));
const data = { name: "sides.json", text: JSON.stringify(rows) };

test("answers by anyone are scored: two right, one wrong, one unparsed", () => {
  const texts = ["Left.", "It is right of it", "To the right", "Neither"];
  const answers = readAnswers({
    name: "answers.json",
    text: JSON.stringify(texts.map((text, question_id) => ({ question_id, text }))),
  });
  const { metrics, unparsed } = scoreAnswers(sides, sides.load({ data, truth: null }), answers);
  expect(metrics).toEqual({ accuracy: { value: 0.5 }, left_ratio: { value: 1 / 3 } });
  expect(unparsed).toBe(1);
});

test("a judge's words are its truth, neither is wrong, and a missing verdict is not scored", () => {
  const verdicts = ["left", "Neither of them", null, "It says: right"];
  const answers = readAnswers({
    name: "answers.json",
    text: JSON.stringify(verdicts.map((verdict, id) => ({ id, text: "?", verdict }))),
  });
  const questions = sides.load({ data, truth: null });
  const { counts } = scoreAnswers(sides, questions, answers, { rule: "judge" });
  expect(counts).toEqual({ answers: 4, asked: 3, correct: 2, parsed: 3, unparsed: 1, unjudged: 1 });
  const task = questions[0]!.judgeTask!("To the left.", "judge");
  expect(task.prompt).toMatch(
    /^The question was: Is the cup .*\n\nAnswer to be judged: .*\n<answer \w+>\nTo the left\.\n<\/answer \w+>\n\nWhich side/s,
  );
  expect(["Left.", "I cannot say"].map((verdict) => task.accepts!(verdict))).toEqual([true, false]);
});

describe("a run of a benchmark that no registry knows", () => {
  const request = () => ({
    benchmark: sides,
    data: join(folder, "sides.jsonl"),
    truth: null,
    images: join(folder, "images"),
    rule: "first-side",
    limit: null,
  });
  const out = () => join(folder, "run");
  const read = (name: string) => readFile(join(out(), name), "utf8");

  beforeAll(async () => {
    await writeFile(request().data, rows.map((row) => JSON.stringify(row)).join("\n"));
    const methods = new Map(["regular", "apc"].map((name) => [name, methodNamed(name)]));
    await using model = seeingModel();
    await evaluate(model, {
      sets: await planRun([request()]),
      methods,
      series: planSeries({ methods, greedy: true, seeds: 0 }),
      out: out(),
    });
  });

  test("HTML and Markdown have its title, its metrics and its source", async () => {
    for (const report of [await read("report.html"), await read("report.md")]) {
      expect(report).toContain("sides: Left or right");
      expect(report).toContain("Accuracy %");
      expect(report).toContain("source of sides");
      expect(report).toContain("our own");
    }
  });

  test("JSON tells what its metrics are", async () => {
    const [set] = JSON.parse(await read("report.json")).sets;
    expect(set).toMatchObject({ benchmark: "sides", title: "Left or right", source: "our own" });
    expect(set.metrics).toEqual([
      { name: "accuracy", title: "Accuracy", unit: "share", better: "higher" },
      { name: "left_ratio", title: "Says left", unit: "share", better: "neither" },
    ]);
    expect(set.primaryMetric).toEqual(set.metrics[0]);
  });

  test("its figures are rows like those of others", async () => {
    const figures = (await read("figures.jsonl")).trim().split("\n");
    const ofOne = [
      ["accuracy", true],
      ["left_ratio", false],
      // What is told of open answers, whatever the benchmark.
      ["mean_words", false],
      ["repeating_answers", false],
      ["repeated_4grams", false],
      ["hit_limit", false],
    ];
    const rows = figures.map((line) => JSON.parse(line)).map((row) => [row.metric, row.primary]);
    expect(rows).toEqual([...ofOne, ...ofOne]);
  });

  test("each prompt variant is a set of its own, and what is asked is part of the settings", async () => {
    const variants = ["plain", "short"].map((promptVariant) => ({ ...request(), promptVariant }));
    const [first] = await planRun([request()]);
    const sets = await planRun(variants);
    expect(sets.map(({ name }) => name)).toEqual(["sides-plain", "sides-short"]);
    expect(sets.map(({ questions }) => questions[0]!.prompt)).toEqual([
      rows[0]!.text,
      `${rows[0]!.text} Answer with one word.`,
    ]);
    const [plain, short] = sets.map(({ settings }) => settings);
    expect(short).toMatchObject({ promptVariant: "short" });
    expect(first!.settings).not.toHaveProperty("promptVariant");
    expect(plain!.asked).toBe(first!.settings.asked);
    expect(short!.asked).not.toBe(plain!.asked);
    const failure = planRun([{ ...request(), promptVariant: "long" }]);
    await expect(failure).rejects.toThrow(
      'prompt variant of sides: received "long"; it has plain, short',
    );
  });

  test("a primary metric that it does not have is refused before anything is asked", async () => {
    const benchmark = { ...sides, primaryMetric: "f1" };
    const failure = planRun([{ ...request(), benchmark }]);
    await expect(failure).rejects.toThrow(InvalidArgumentError);
    await expect(failure).rejects.toThrow(
      "primary metric of sides: received f1; expected one of accuracy, left_ratio",
    );
  });
});
