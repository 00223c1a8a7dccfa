import { describe, expect, test } from "vitest";
import { DatasetError } from "../../../src/errors.js";
import { chair } from "../../../src/eval/benchmarks/chair.js";
import { colours } from "../../../src/eval/benchmarks/colours.js";
import { counting } from "../../../src/eval/benchmarks/counting.js";
import { mme } from "../../../src/eval/benchmarks/mme.js";
import { pope } from "../../../src/eval/benchmarks/pope.js";
import { readAnswers } from "../../../src/eval/data/read-answers.js";
import { readObjectAnnotations } from "../../../src/eval/data/read-object-annotations.js";
import { addCounts } from "../../../src/eval/metrics/add-counts.js";
import { readAnswersTo } from "../../../src/eval/scoring/match-answers.js";
import { scoreAnswers } from "../../../src/eval/scoring/score-answers.js";

const file = (text: string) => ({ name: "a.jsonl", text });
const DEEP = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;

function faultsOf(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(DatasetError);
    return (error as DatasetError).message.split("\n");
  }
  throw new Error("nothing was thrown");
}

describe("answers of anyone", () => {
  test.each([
    [
      "an identifier nested deep",
      `{"id": ${DEEP}, "text": "x"}`,
      /a value that is nested too deep/,
    ],
    [
      "a verdict nested deep",
      `{"id": 1, "text": "x", "verdict": ${DEEP}}`,
      /nested too deep as verd/,
    ],
    [
      "a verdict object",
      '{"id": 1, "text": "x", "verdict": {"toString": 1}}',
      /received {"toString":1}/,
    ],
    [
      "an identifier object",
      '{"id": {"toString": 1}, "text": "x"}',
      /as identifier; expected text/,
    ],
    [
      "a HallusionBench identifier",
      `{"set_id": ${DEEP}, "figure_id": {"toString": 1}, "text": "x"}`,
      /nested too deep as identifier/,
    ],
    ["an identifier beyond 2^53", '{"id": 12345678901234567890, "text": "x"}', /beyond 2\^53/],
    [
      "an identifier that no number holds",
      '{"id": 1e400, "text": "x"}',
      /received Infinity \(a number above 1\.79e308\) as identifier; .*write it as text/,
    ],
    [
      "another below zero, in a list",
      '{"id": [-1e400], "text": "x"}',
      /received \["-Infinity \(a number below -1\.79e308\)"\] as identifier/,
    ],
    ["no rows", "[]", /^a\.jsonl: the array is empty/],
    ["null", "null", /expected an object/],
  ])("%s is refused by line", (_, text, message) => {
    const [first] = faultsOf(() => readAnswers(file(text)));
    expect(first).toMatch(message);
    expect(first?.length).toBeLessThan(200);
  });

  test("a verdict may be a number, as HallusionBench's authors write it", () => {
    expect(readAnswers(file('{"id": 1, "text": "x", "verdict": 1}'))[0]?.verdict).toBe("1");
  });
});

describe("questions of anyone", () => {
  const row = (more: string) => `{"image": "a.png", "text": "?", "label": "no", ${more}}`;
  test.each([
    ['"question_id": 12345678901234567890', /field question_id: received 1234\d+; a number beyond/],
    [`"question_id": ${DEEP}`, /field question_id: received a value that is nested too deep/],
    [
      '"question_id": 1e400',
      /field question_id: received Infinity \(a number above 1\.79e308\); .*in quotes/,
    ],
    ['"question_id": ""', /field question_id: received ""; expected text or a number/],
    ['"other": 1', /field question_id: received nothing; expected text or a number/],
  ])("%.40s is refused by field", (more, message) => {
    expect(faultsOf(() => pope.load({ data: file(row(more)), truth: null }))[0]).toMatch(message);
  });

  test("images and counts named like what every object has", () => {
    const objects = readObjectAnnotations(file('{"__proto__": ["dog"], "constructor": ["cat"]}'));
    expect([...objects.keys()]).toEqual(["__proto__", "constructor"]);
    const truth = file('{"__proto__": ["dog"], "constructor": ["cat"]}');
    const questions = chair.load({ data: null, truth });
    expect(questions.map(({ id }) => id)).toEqual(["__proto__", "constructor"]);
    const sum = addCounts([{ constructor: 1 } as never, JSON.parse('{"__proto__": 2}')]);
    expect(Object.entries(sum)).toEqual([
      ["constructor", 1],
      ["__proto__", 2],
    ]);
  });

  test("a number of hundreds of digits is wrong, not infinitely so", () => {
    const data = file('{"question_id": 1, "image": "a", "text": "?", "answer": 2}');
    const questions = counting.load({ data, truth: null });
    const answers = readAnswers(file(`{"id": 1, "text": "${"9".repeat(400)}"}`));
    const error = scoreAnswers(counting, questions, answers).metrics.mean_absolute_error?.value;
    expect(Number.isFinite(error)).toBe(true);
  });

  test("no word is a colour because objects have a property of that name", () => {
    const data = file(
      '{"question_id": 1, "image": "a", "text": "?", "answer": "red", "is_usual": true}',
    );
    const [question] = colours.load({ data, truth: null });
    const score = question?.score("The constructor has valueOf", {
      rule: "first-colour",
      verdict: null,
    });
    expect(score).toMatchObject({ outcome: "unparsed", extracted: null });
  });
});

describe("all faults of a file are told at once, in its order", () => {
  const questions = pope.load({
    data: file('{"question_id": 1, "image": "a", "text": "?", "label": "no"}'),
    truth: null,
  });

  test("answers: broken line, no text, unknown id, duplicate, no id", () => {
    const text = [
      '{"id": 1, "text": "No"}',
      "nonsense",
      '{"id": 1}',
      '{"id": 7, "text": "No"}',
      '{"id": 1, "text": "Yes"}',
      '{"text": "Yes"}',
    ].join("\n");
    const faults = faultsOf(() => readAnswersTo(pope, questions, file(text)));
    expect(faults[0]).toMatch(/^a\.jsonl line 2: no valid JSON/);
    expect(faults[1]).toMatch(/^a\.jsonl line 3: no answer text/);
    expect(faults[2]).toBe("a.jsonl line 4: id 7 is not in the truth file");
    expect(faults[3]).toMatch(/^a\.jsonl line 5: duplicate id 1, already in a\.jsonl line 1/);
    expect(faults[4]).toBe("a.jsonl line 6: no id");
  });

  test("questions: broken line, missing field, duplicate", () => {
    const good = '{"question_id": 1, "image": "a", "text": "?", "label": "no"}';
    const text = [good, "{", '{"question_id": 2}', good].join("\n");
    const faults = faultsOf(() => pope.load({ data: file(text), truth: null }));
    expect(faults.map((fault) => /line (\d)/.exec(fault)?.[1])).toEqual(["2", "3", "4"]);
  });

  test("tab-separated rows", () => {
    const faults = faultsOf(() => mme.load({ data: file("a\t?\tmaybe\nb\t?\tnone"), truth: null }));
    expect(faults).toHaveLength(2);
    expect(faultsOf(() => readAnswers(file("a\t?\tYes\nb\t?\tNo")))).toHaveLength(2);
  });

  test("chair: images that the truth does not have", () => {
    const data = file(
      ["b", "c"]
        .map((image, i) => `{"question_id": ${i}, "image": "${image}", "text": "?"}`)
        .join("\n"),
    );
    const truth = { name: "t.json", text: '{"a": ["dog"]}' };
    expect(faultsOf(() => chair.load({ data, truth }))).toEqual([
      "a.jsonl line 1: image b is not in t.json",
      "a.jsonl line 2: image c is not in t.json",
    ]);
  });

  test("files by order alone need no ids", () => {
    const answers = readAnswersTo(pope, questions, file('{"text": "No"}'));
    expect(scoreAnswers(pope, questions, answers).n).toBe(1);
  });
});
