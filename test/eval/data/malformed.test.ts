import { describe, expect, test } from "vitest";
import { DatasetError } from "../../../src/errors.js";
import { chair } from "../../../src/eval/benchmarks/chair.js";
import { pope } from "../../../src/eval/benchmarks/pope.js";
import { parseRows } from "../../../src/eval/data/parse-rows.js";
import { readAnswers } from "../../../src/eval/data/read-answers.js";

const row = (id: number, more: object = {}) =>
  JSON.stringify({
    question_id: id,
    image: "a.png",
    text: "Is there a dog?",
    label: "no",
    ...more,
  });
const load = (text: string) => pope.load({ data: { name: "pope.jsonl", text }, truth: null });

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(DatasetError);
    return (error as DatasetError).message;
  }
  throw new Error("nothing was thrown");
}

describe("what is accepted", () => {
  test("a byte order mark, CRLF and empty lines change nothing", () => {
    const plain = load(`${row(1)}\n${row(2)}`).map(({ id, truth }) => ({ id, truth }));
    const messy = load(`\uFEFF${row(1)}\r\n\r\n${row(2)}\r\n`);
    expect(messy.map(({ id, truth }) => ({ id, truth }))).toEqual(plain);
    expect(messy[1]?.where).toBe("pope.jsonl line 3");
  });

  test("one JSON array is as good as lines", () => {
    expect(load(`[${row(1)},${row(2)}]`)[1]?.where).toBe("pope.jsonl item 2");
  });

  test("labels in any case, identifiers as numbers or text", () => {
    expect(load(row(1, { label: "No " }))[0]).toMatchObject({ id: "1", truth: "no" });
  });
});

describe("what is refused, by file and line", () => {
  test("a line that is no JSON", () => {
    expect(messageOf(() => load(`${row(1)}\n{"question_id": 2,`))).toMatch(
      /^pope\.jsonl line 2: no valid JSON/,
    );
  });

  test("line ends that are CR alone, by what to write", () => {
    for (const [text, line] of [
      [`${row(1)}\r${row(2)}\r`, 1],
      [`${row(1)}\r\n${row(2)}\r${row(3)}\r\n`, 2],
    ] as const) {
      expect(messageOf(() => load(text))).toBe(
        `pope.jsonl line ${line}: no valid JSON (it holds line ends that are CR alone; expected LF or CRLF)`,
      );
    }
    expect(messageOf(() => load('{"a": 1,}\r\n'))).not.toContain("CR");
  });

  test("all bad lines are told at once, five in full", () => {
    const message = messageOf(() => load(`${row(1)}\n${"{\n".repeat(8)}`));
    expect(message.split("\n")).toHaveLength(6);
    expect(message).toContain("pope.jsonl line 6");
    expect(message).toContain("and 3 more");
  });

  test("a missing field", () => {
    const text = '{"question_id": 1, "text": "Is there a dog?", "label": "no"}';
    expect(messageOf(() => load(text))).toMatch(
      /^pope\.jsonl line 1: field image: received nothing/,
    );
  });

  test("an unknown label", () => {
    expect(messageOf(() => load(row(1, { label: "maybe" })))).toBe(
      'pope.jsonl line 1: field label: received "maybe"; unknown label; expected "yes" or "no"',
    );
  });

  test("a duplicate id, with both places", () => {
    expect(messageOf(() => load(`${row(7)}\n${row(8)}\n${row(7)}`))).toBe(
      "pope.jsonl line 3: duplicate id 7, already in pope.jsonl line 1; ids must be unique",
    );
  });

  test("an empty file", () => {
    expect(messageOf(() => load(" \r\n"))).toBe(
      "pope.jsonl: the file is empty; expected rows of JSON",
    );
  });

  test("a row that is no object", () => {
    expect(messageOf(() => load("3"))).toMatch(/^pope\.jsonl line 1: row: received 3/);
  });

  test("answers: broken line, no text, no readable id, duplicates", () => {
    const read = (text: string) => messageOf(() => readAnswers({ name: "a.jsonl", text }));
    expect(read('{"id":1,"text":"x"}\nnonsense')).toMatch(/^a\.jsonl line 2: no valid JSON/);
    expect(read('{"id":1}')).toMatch(/^a\.jsonl line 1: no answer text; expected one of/);
    expect(read('{"id":[1],"text":"x"}')).toMatch(/^a\.jsonl line 1: received \[1\] as identifier/);
    expect(read('{"id":1,"text":"x"}\n{"id":1,"text":"y"}')).toMatch(
      /^a\.jsonl line 2: duplicate id 1, already in a\.jsonl line 1/,
    );
  });

  test("a truth file of the wrong shape", () => {
    const truth = (text: string) => ({ data: null, truth: { name: "objects.json", text } });
    expect(messageOf(() => chair.load(truth('{"1": "dog"}')))).toMatch(
      /^objects\.json: expected an/,
    );
    expect(messageOf(() => chair.load(truth('{"1": \n ["dog"')))).toMatch(/^objects\.json/);
  });
});

test("a row's place counts lines of the file, not rows", () => {
  expect(parseRows("\n\n1\n\n2", "f").map(({ where }) => where)).toEqual(["f line 3", "f line 5"]);
});
