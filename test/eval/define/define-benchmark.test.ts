import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { DatasetError, InvalidArgumentError } from "../../../src/errors.js";
import type { Benchmark } from "../../../src/eval/contract/benchmark.js";
import { defineBenchmark } from "../../../src/eval/define/define-benchmark.js";
import type { RowOf } from "../../../src/eval/define/row-shape.js";
import { furtherMetrics } from "../../../src/eval/metrics/behaviour-metrics.js";
import { firstWordRule } from "../../../src/objects/yes-no-answer.js";
import { scoreRows } from "../benchmarks/score-rows.js";

const answered = (...texts: string[]) => texts.map((text, id) => ({ id, text }));
const load = (benchmark: Benchmark, ...rows: unknown[]) =>
  benchmark.load({ data: { name: "q.json", text: JSON.stringify(rows) }, truth: null });

describe("yes/no questions", () => {
  const present = defineBenchmark({
    name: "present",
    kind: "yes-no",
    row: { id: "identifier", image: "text", object: "text", label: "yes-no" },
    id: (row) => row.id,
    image: (row) => row.image,
    prompt: (row) => `Is there a ${row.object} in the image?`,
    truth: (row) => row.label,
    rules: { "first-word": { read: firstWordRule } },
  });
  const rows = ["Yes", "no", "yes", "no"].map((label, id) => ({
    ...{ id, label },
    image: "a.png",
    object: "dog",
  }));

  test("hand-worked: a right yes, a wrong yes, a wrong no, and one that is neither", () => {
    const { counts, metrics, unparsed } = scoreRows(
      present,
      rows,
      answered("Yes.", "Yes, it is.", "No", "Who knows"),
    );
    expect(unparsed).toBe(1);
    expect(counts).toEqual({
      ...{ answers: 4, asked: 4, correct: 1, parsed: 3, unparsed: 1 },
      ...{ positives: 2, negatives: 2, tp: 1, fp: 1, fn: 1 },
    });
    expect(metrics).toMatchObject({
      accuracy: { value: 1 / 4 },
      precision: { value: 1 / 2 },
      recall: { value: 1 / 2 },
      yes_ratio: { value: 2 / 3 },
      false_yes_rate: { value: 1 / 2 },
    });
    expect(furtherMetrics(present).map(({ name }) => name)).toContain("yes_bias");
  });

  test("a truth that is neither yes nor no is a fault of its row", () => {
    const bad = defineBenchmark({
      name: "bad",
      kind: "yes-no",
      row: { id: "identifier", label: "text" },
      id: (row) => row.id,
      prompt: () => "?",
      truth: (row) => row.label,
      rules: { "first-word": { read: firstWordRule } },
    });
    expect(() => load(bad, { id: 1, label: "yes" }, { id: 2, label: "maybe" })).toThrow(
      new DatasetError('q.json item 2: truth: received "maybe"; expected yes or no'),
    );
  });

  test("an answer that a rule or a judge only calls right or wrong has its cell", () => {
    const judged = defineBenchmark({
      name: "judged",
      kind: "yes-no",
      row: { id: "identifier", label: "yes-no" },
      id: (row) => row.id,
      prompt: () => "?",
      truth: (row) => row.label,
      rules: {
        judge: {
          ask: (answer, row) => `Is the answer ${row.label}?\n${answer}`,
          read: (verdict) => ({ extracted: verdict, right: verdict === "correct" }),
        },
      },
    });
    const { counts } = scoreRows(
      judged,
      rows,
      ["correct", "correct", "incorrect", "incorrect"].map((verdict, id) => ({
        ...{ id, verdict },
        text: "?",
      })),
    );
    expect(counts).toMatchObject({ tp: 1, tn: 1, fn: 1, fp: 1, asked: 4, correct: 2 });
  });
});

describe("captions", () => {
  const animals = defineBenchmark({
    name: "animals",
    kind: "caption",
    row: { image: "text", animals: "texts" },
    id: (row) => row.image,
    image: (row) => row.image,
    prompt: () => "Describe the image.",
    truth: (row) => row.animals.join(", ") || "none",
    rules: {
      named: {
        read: (caption, row) => {
          const named = caption.toLowerCase().match(/\b(cat|dog|horse)\b/g) ?? [];
          const invented = named.filter((animal) => !row.animals.includes(animal));
          return {
            extracted: named.join(", "),
            right: null,
            explanation: invented.join(", "),
            counts: { named: named.length, invented: invented.length },
          };
        },
      },
    },
    metrics: { invented: { unit: "percent", better: "lower", part: "invented", whole: "named" } },
  });

  test("hand-worked: of three animals that are named, one is not there", () => {
    const rows = [
      { image: "a.png", animals: ["dog"] },
      { image: "b.png", animals: [] },
    ];
    const answers = [
      { id: "a.png", caption: "A dog beside a horse." },
      { id: "b.png", caption: "A field." },
    ];
    const { metrics, counts, scored } = scoreRows(animals, rows, answers);
    expect(metrics).toEqual({ invented: { value: 50 } });
    expect(counts).toEqual({ answers: 2, parsed: 2, named: 2, invented: 1 });
    expect(scored.map(({ score }) => score.outcome)).toEqual([null, null]);
    expect(animals.maxNewTokens).toBe(128);
    const none = scoreRows(animals, rows.slice(1), answers.slice(1));
    expect(none.metrics).toEqual({ invented: { value: null, reason: "nothing counts as named" } });
  });
});

describe("rows", () => {
  const declared = {
    name: "rows",
    id: (row: { id: string }) => row.id,
    prompt: () => "?",
    truth: () => "red",
    rules: { text: { read: (answer: string) => answer } },
  };

  test("every kind of field, and each fault by line and field", () => {
    const row = {
      id: "identifier",
      text: "text",
      maybe: "text?",
      number: "number",
      flag: "boolean?",
      words: "texts",
      side: ["left", "right"],
    } as const;
    expectTypeOf<RowOf<typeof row>>().toEqualTypeOf<{
      readonly id: string;
      readonly text: string;
      readonly maybe: string | undefined;
      readonly number: number;
      readonly flag: boolean | undefined;
      readonly words: readonly string[];
      readonly side: "left" | "right";
    }>();
    const benchmark = defineBenchmark({ ...declared, row });
    const good = { id: 1, text: "a", number: 2, words: ["b"], side: "left", more: {} };
    expect(load(benchmark, good, { ...good, id: 2, maybe: null, flag: null })).toHaveLength(2);
    for (const [name, value, what] of [
      ["id", {}, "field id: received {}; expected text or a number"],
      ["text", "", 'field text: received ""; expected text that is not empty'],
      ["maybe", 3, "field maybe: received 3; "],
      ["number", "3", 'field number: received "3"; '],
      ["flag", "no", 'field flag: received "no"; '],
      ["words", ["a", 1], "field words.1: received 1; "],
      ["side", "up", 'field side: received "up"; '],
    ] as const) {
      const bad = { ...good, [name]: value };
      expect(() => load(benchmark, good, bad)).toThrow(DatasetError);
      expect(() => load(benchmark, good, bad)).toThrow(`q.json item 2: ${what}`);
    }
  });

  test("read by a function: what it throws is told with the line, a schema's issues by field", () => {
    const reader = z.object({ conversations: z.array(z.object({ value: z.string() })).min(1) });
    const benchmark = defineBenchmark({
      name: "rows",
      row: (value) => {
        const { conversations } = reader.parse(value);
        if (conversations[0]!.value === "none") throw new Error("it asks nothing");
        return { asked: conversations[0]!.value };
      },
      id: (row) => row.asked,
      prompt: (row) => row.asked,
      truth: () => "red",
      rules: { text: { read: (answer, row) => answer.replace(row.asked, "") } },
    });
    const row = (value: unknown) => ({ conversations: [{ value }] });
    expect(load(benchmark, row("a")).map(({ id }) => id)).toEqual(["a"]);
    expect(() => load(benchmark, row("a"), row("none"), row(3), row("a"))).toThrow(
      /^q\.json item 2: row: received .*; it asks nothing\nq\.json item 3: field conversations\.0\.value: received 3; .*\nq\.json item 4: duplicate id a, already in q\.json item 1/,
    );
  });

  test("functions that give something else, or fail, are faults of the row", () => {
    const row = { id: "identifier" } as const;
    const faults = [
      [{ prompt: () => "" }, 'prompt: received ""; expected text that is not empty'],
      [{ truth: () => 3 }, "truth: received 3; expected text that is not empty"],
      [{ image: () => 3 }, "image: received 3; expected text, or null"],
      [{ tag: () => "vision" }, 'tag: received "vision"; expected recognition, perception'],
      [{ check: () => "it is too dark" }, "it is too dark"],
      [
        { group: (row: { type: { name: string } }) => row.type.name },
        "no question can be made of the row (Cannot read properties of undefined",
      ],
    ] as const;
    for (const [change, message] of faults) {
      const benchmark = defineBenchmark({ ...declared, row, ...change } as never);
      expect(() => load(benchmark, { id: 1 })).toThrow(`q.json item 1: ${message}`);
    }
  });

  test("tags, groups and clusters are those of the rows", () => {
    const benchmark = defineBenchmark({
      ...declared,
      row: { id: "identifier", type: "text?" },
      group: (row) => row.type ?? null,
      tag: () => "reasoning",
      cluster: () => "all",
    });
    expect(load(benchmark, { id: 1, type: "maths" })).toMatchObject([
      { image: null, group: "maths", tag: "reasoning", cluster: "all" },
    ]);
  });
});

describe("what is no declaration", () => {
  const good = {
    name: "sides",
    row: { id: "identifier", side: ["left", "right"] },
    id: (row: { id: string }) => row.id,
    prompt: () => "?",
    truth: () => "left",
    rules: { text: { read: () => null } },
  } as const;

  test.each([
    [null, "benchmark: received null; expected an object"],
    [{ ...good, name: "" }, 'benchmark: name: received ""; expected text'],
    [{ ...good, name: "a/b" }, 'benchmark a/b: name: received "a/b"; expected letters'],
    [{ ...good, promt: good.prompt }, "benchmark has no field 'promt'; known are name, row, id"],
    [{ ...good, truth: undefined }, "benchmark: truth: received nothing; expected a function"],
    [{ ...good, id: "id" }, 'benchmark: id: received "id"; expected a function of a row'],
    [
      { ...good, row: { id: "string" } },
      'benchmark sides: row.id: received "string"; expected one of text, text?',
    ],
    [
      { ...good, prompt: { short: "?" } },
      'benchmark sides: prompt.short: received "?"; expected a function',
    ],
    [{ ...good, rules: {} }, "benchmark: rules: received {}; expected an object with an entry"],
    [
      { ...good, rules: { a: { raed: () => null } } },
      "benchmark sides: rules.a has no field 'raed'; known are read, ask",
    ],
    [
      { ...good, metrics: { a: { part: "correct" } } },
      "benchmark sides: metrics.a: whole: received nothing; expected text",
    ],
    [
      { ...good, metrics: { a: { part: "x", whole: "y", unit: "%" } } },
      'benchmark sides: metrics.a: unit: received "%"; expected one of share',
    ],
    [
      { ...good, metrics: { a: { part: "x", whole: "y" } }, primary: "b" },
      'benchmark sides: primary: received "b"; expected one of a',
    ],
    [
      { ...good, primary: "accuracy" },
      'benchmark sides: primary: received "accuracy"; expected metrics',
    ],
    [{ ...good, kind: "caption" }, "benchmark sides: metrics: received nothing; expected some"],
    [{ ...good, kind: "yesno" }, 'benchmark: kind: received "yesno"; expected one of yes-no'],
    [{ ...good, maxNewTokens: 0 }, "benchmark: maxNewTokens: received 0; expected an integer"],
  ])("%o", (declaration, message) => {
    const define = () => defineBenchmark(declaration as never);
    expect(define).toThrow(InvalidArgumentError);
    expect(define).toThrow(message);
  });

  test("all that is wrong is told at once, each with its place", () => {
    const define = () =>
      defineBenchmark({
        name: "bad name",
        sorce: "x",
        row: { id: "string", side: [] },
        id: "id",
        prompt: { "a b": "?" },
        truth: () => "x",
        rules: { first: {}, second: { read: String, aks: String } },
        kind: "caption",
        maxNewTokens: 0,
        primary: "a",
      } as never);
    expect(define).toThrow(InvalidArgumentError);
    const message = (() => {
      try {
        define();
      } catch (error) {
        return (error as Error).message;
      }
      return "";
    })();
    expect(message.split("\n").map((line) => line.replace(/(: received|; known).*/, ""))).toEqual([
      "benchmark has no field 'sorce'",
      "benchmark: id",
      "benchmark: maxNewTokens",
      "benchmark bad name: name",
      "benchmark bad name: row.id",
      "benchmark bad name: row.side",
      "benchmark bad name: name of a prompt",
      "benchmark bad name: prompt.a b",
      "benchmark bad name: rules.first: read",
      "benchmark bad name: rules.second has no field 'aks'",
      "benchmark bad name: metrics",
      "benchmark bad name: primary",
    ]);
  });

  test("is a type error too", () => {
    const define = (make: () => Benchmark) => expect(make).toThrow(InvalidArgumentError);
    // @ts-expect-error: a field that is unknown
    define(() => defineBenchmark({ ...good, promt: "?" }));
    // @ts-expect-error: a kind of field that is unknown
    define(() => defineBenchmark({ ...good, row: { id: "string" } }));
    const metrics = { accuracy: { part: "correct", whole: "asked" } } as const;
    // @ts-expect-error: a primary metric that is not among them
    define(() => defineBenchmark({ ...good, metrics, primary: "f1" }));
    // @ts-expect-error: a rule that reads nothing
    define(() => defineBenchmark({ ...good, rules: { text: {} } }));
    // @ts-expect-error: a field that rows do not have
    expect(() => defineBenchmark({ ...good, truth: (row) => row.sied })).not.toThrow();
  });
});

test.each([
  [3, "what read gave is 3; expected text, null, or an object with extracted: text or null"],
  [{ right: true }, "what read gave is {"],
  [{ extracted: "a", right: "yes" }, 'right is "yes"; expected true, false or null'],
  [{ extracted: "a", counts: { n: Number.NaN } }, "counts.n is NaN; expected a finite number"],
  [{ extracted: "a", counts: { asked: 2 } }, "counts.asked is counted already"],
  [
    { extracted: "a", counts: { saidLfet: 1 } },
    "counts.saidLfet is used by no metric; metrics use of a rule's counts: saidLeft",
  ],
])("a reading that is none is refused by rule, question and line: %o", (reading, message) => {
  const benchmark = defineBenchmark({
    name: "bad",
    row: { id: "identifier" },
    id: (row) => row.id,
    prompt: () => "?",
    truth: () => "left",
    rules: { own: { read: () => reading as never } },
    metrics: { left: { part: "saidLeft", whole: "asked" } },
  });
  const score = () => scoreRows(benchmark, [{ id: 7 }], [{ id: 7, text: "Left" }]);
  expect(score).toThrow(InvalidArgumentError);
  expect(score).toThrow(`rule own of bad, question 7 (questions.json item 1): ${message}`);
});

test("figures of one's own may use any counts", () => {
  const benchmark = defineBenchmark({
    name: "squares",
    row: { id: "identifier" },
    id: (row) => row.id,
    prompt: () => "?",
    truth: () => "9",
    rules: {
      number: { read: (text) => ({ extracted: text, right: null, counts: { sum: Number(text) } }) },
    },
    metrics: { root: { unit: "points", of: ({ sum = 0 }) => ({ value: Math.sqrt(sum) }) } },
  });
  const { metrics } = scoreRows(benchmark, [{ id: 0 }, { id: 1 }], answered("9", "16"));
  expect(metrics).toEqual({ root: { value: 5 } });
  expect(benchmark.metrics).toMatchObject([{ name: "root", title: "Root", better: "higher" }]);
});
