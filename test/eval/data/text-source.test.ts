import { constants } from "node:buffer";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DatasetError } from "../../../src/errors.js";
import { pope } from "../../../src/eval/benchmarks/pope.js";
import { parquetPieces } from "../../../src/eval/data/parquet-rows.js";
import { answersFrom } from "../../../src/eval/data/read-answers.js";
import { readDataFile, refuseTooLong } from "../../../src/eval/data/read-data-file.js";
import { linesOf, textSources } from "../../../src/eval/data/text-source.js";
import { scoreFile } from "../../../src/eval/scoring/score-answers.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "source-"));
});
afterEach(() => rm(folder, { recursive: true }));

const QUESTIONS = [1, 2, 3].map((id) => ({
  question_id: id,
  image: `${id}.png`,
  text: "Is there a dog?",
  label: id === 3 ? "no" : "yes",
}));
const ANSWERS = [1, 2, 3].map((id) => ({ question_id: id, text: "Yes, there is." }));
const lines = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).join("\n");

async function file(name: string, content: string | Uint8Array): Promise<string> {
  await writeFile(join(folder, name), content);
  return join(folder, name);
}

async function table(name: string, rows: readonly object[], columns = "*"): Promise<string> {
  const json = await file(`${name}.source.jsonl`, lines(rows));
  const path = join(folder, name);
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  await connection.run(`COPY (SELECT ${columns} FROM read_json('${json}')) TO '${path}'`);
  connection.closeSync();
  instance.closeSync();
  return path;
}

async function accuracyOf(truth: string, answers: string): Promise<number | null | undefined> {
  const questions = pope.load({ data: null, truth: await readDataFile(truth) });
  const [score] = await scoreFile(pope, questions, answers);
  return score?.metrics.accuracy?.value;
}

async function problemOf(task: () => Promise<unknown>): Promise<string> {
  const error: unknown = await task().then(
    () => null,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(DatasetError);
  return (error as DatasetError).message;
}

describe("the same figures from", () => {
  test("lines, an array, gzip, CSV and Parquet", async () => {
    const truths = [
      await file("truth.jsonl", lines(QUESTIONS)),
      await file("truth.json", JSON.stringify(QUESTIONS)),
      await file("truth.jsonl.gz", gzipSync(lines(QUESTIONS))),
      await file("packed without its ending", gzipSync(lines(QUESTIONS))),
      await table("truth.csv", QUESTIONS),
      await table("truth [1]*?.parquet", QUESTIONS, "*, 'bytes'::BLOB AS bytes, NULL AS type"),
    ];
    const answers = [
      await file("answers.jsonl", lines(ANSWERS)),
      await file("answers.json", JSON.stringify(ANSWERS)),
      await file("answers.jsonl.gz", gzipSync(lines(ANSWERS))),
      await table("answers.csv", ANSWERS),
      await table("answers.parquet", ANSWERS),
    ];
    for (const truth of truths) expect(await accuracyOf(truth, answers[0]!)).toBe(2 / 3);
    for (const path of answers) expect(await accuracyOf(truths[0]!, path)).toBe(2 / 3);
  });

  test("a folder with several files, others beside them", async () => {
    const truth = await file("truth.jsonl", lines(QUESTIONS));
    const parts = join(folder, "parts");
    await mkdir(join(parts, "more.jsonl"), { recursive: true });
    await writeFile(join(parts, "a.jsonl"), lines(ANSWERS.slice(0, 1)));
    await writeFile(join(parts, "b.jsonl.gz"), gzipSync(lines(ANSWERS.slice(1))));
    await writeFile(join(parts, "README.md"), "three answers");
    await writeFile(join(parts, ".hidden.jsonl"), "no JSON");
    expect(await accuracyOf(truth, parts)).toBe(2 / 3);
    await writeFile(join(parts, "c.jsonl"), lines(ANSWERS.slice(2)));
    expect(await problemOf(() => accuracyOf(truth, parts))).toBe(
      "parts/c.jsonl line 1: duplicate id 3, already in parts/b.jsonl.gz answer 2; expected one answer each",
    );
  });
});

describe("refused by name", () => {
  test("a folder without rows", async () => {
    expect(await problemOf(() => textSources(folder))).toMatch(/the folder has no file of rows/);
  });

  test("gzip that is cut off, and gzip that is broken", async () => {
    const packed = gzipSync(lines(QUESTIONS));
    const cut = await file("cut.jsonl.gz", packed.subarray(0, packed.length - 9));
    expect(await problemOf(() => readDataFile(cut))).toMatch(/cut\.jsonl\.gz: no whole gzip file/);
    packed.fill(0xff, 12, 30);
    const broken = await file("broken.gz", packed);
    expect(await problemOf(() => readDataFile(broken))).toMatch(/broken\.gz: no whole gzip file/);
  });

  test("a zip archive, which is no broken text", async () => {
    const zip = await file(
      "answers.zip",
      Buffer.from("PK\u0003\u0004\u0014\u0000\u00ff", "latin1"),
    );
    expect(await problemOf(() => readDataFile(zip))).toMatch(
      /answers\.zip: a zip archive.*unpack it/,
    );
  });

  test("gzip that unpacks to one endless line", async () => {
    const bomb = await file(
      "bomb.jsonl.gz",
      gzipSync(Buffer.alloc(2 ** 26 + 2 ** 17, "[[ "), { level: 1 }),
    );
    const [source] = await textSources(bomb);
    expect(
      await problemOf(async () => {
        for await (const _ of linesOf(source!));
      }),
    ).toBe("bomb.jsonl.gz: a line of more than 67108864 characters; expected one row a line");
  });

  test("Parquet that is none", async () => {
    const path = await file("none.parquet", "no table");
    expect(await problemOf(() => readDataFile(path))).toMatch(/cannot be read as a table/);
    expect(await problemOf(() => readDataFile(join(folder, "gone.parquet")))).toMatch(
      /cannot be read; check the path/,
    );
  });

  test("CSV that is packed and cut off", async () => {
    const packed = gzipSync(`id,text\n${"1,Yes\n".repeat(1e5)}`);
    const cut = await file("cut.csv.gz", packed.subarray(0, packed.length >> 1));
    expect(await problemOf(() => readDataFile(cut))).toMatch(/cut\.csv\.gz: no whole gzip file/);
  });

  test("what is packed and unpacks to more than it may, in every format", async () => {
    const rows = Array.from({ length: 100 }, (_, id) => ({ id, text: "Yes" }));
    for (const path of [
      await file("rows.jsonl.gz", gzipSync(lines(rows))),
      await file("rows.csv.gz", gzipSync(`id,text\n${"1,Yes\n".repeat(100)}`)),
      await table("rows.parquet", rows),
    ]) {
      const read = async (most: number) => {
        const [source] = await textSources(path, most);
        for await (const _ of linesOf(source!));
      };
      await read(5000);
      expect(await problemOf(() => read(500))).toBe(
        `${path}: unpacks to more than 500 bytes; expected rows of a benchmark; split the file`,
      );
    }
  });

  test("Parquet that repeats a long value in each row, before it is unpacked", async () => {
    const [row] = QUESTIONS;
    const bomb = (name: string, value: string, rows: number) =>
      table(name, [row!], `unnest(range(${rows})) AS question_id, ${value} AS text`);
    const value = "repeat('y', 100000)";
    const all = await bomb("all.parquet", value, 20);
    expect(await problemOf(() => parquetPieces(all, 1_000_000).next())).toMatch(
      /all\.parquet: unpacks to more than 1000000 bytes/,
    );
    const nested = await bomb("nested.parquet", `[{a: ${value}, b: MAP {'k': ${value}}}]`, 30);
    expect(await problemOf(() => parquetPieces(nested, 1e9, 4 * 2 ** 20).next())).toMatch(
      /nested\.parquet: 30 rows hold more than 4 MiB of text; .* leave out columns such as images/,
    );
    expect((await parquetPieces(nested, 1e9).next()).value).toContain("yyy");
  });

  test("rows of a table, by their number", async () => {
    const rows = [QUESTIONS[0]!, { ...QUESTIONS[1], label: "maybe" }];
    const truth = await table("truth.parquet", rows);
    expect(
      await problemOf(async () => pope.load({ data: null, truth: await readDataFile(truth) })),
    ).toMatch(/^truth\.parquet row 2: field label: received "maybe"/);
  });
});

test("lines are the same however the text is cut", async () => {
  const text = 'a\n\nb ü 😀\r\n"c"';
  for (let size = 1; size < 8; size++) {
    const pieces = async function* () {
      for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
    };
    const all: string[] = [];
    for await (const some of linesOf({ name: "t", unit: "line", pieces })) all.push(...some);
    expect(all).toEqual(text.split("\n"));
  }
});

test("answers are handed on while they are read: of a file, what two pieces hold is there at once", async () => {
  const PIECES = 100;
  let pulled = 0;
  const pieces = async function* () {
    for (; pulled < PIECES; pulled++) {
      yield lines(
        Array.from({ length: 50 }, (_, i) => ({ id: 50 * pulled + i, text: "Yes" })),
      ).concat("\n");
    }
  };
  let rows = 0;
  for await (const some of answersFrom({ name: "t", unit: "line", pieces })) {
    rows += some.length;
    expect(pulled).toBeLessThan(rows / 50 + 2);
  }
  expect(rows).toBe(50 * PIECES);
});

test("one JSON object of rows, printed over several lines, is read like an array", async () => {
  const byId = (rows: readonly object[]) =>
    JSON.stringify(Object.fromEntries(rows.map((row, i) => [`row ${i}`, row])), null, 2);
  const truth = await file("truth.json", byId(QUESTIONS));
  const answers = await file("answers.json", byId(ANSWERS));
  expect(await accuracyOf(truth, answers)).toBe(2 / 3);
  const broken = await file("broken.json", byId([...ANSWERS, { question_id: 4 }]));
  expect(await problemOf(() => accuracyOf(truth, broken))).toMatch(
    /^broken\.json item "row 3": no answer text; expected one of the fields text, response/,
  );
  const flat = await file("flat.json", "{\n1: 2}");
  expect(await problemOf(() => accuracyOf(truth, flat))).toMatch(/^flat\.json.*no valid JSON/);
  const numbers = await file("numbers.json", '{\n"a": 2}');
  expect(await problemOf(() => accuracyOf(truth, numbers))).toBe(
    "numbers.json: expected one JSON array of rows, or one object of them",
  );
});

test("beside a response, an answer is the truth", async () => {
  const truth = await file("truth.jsonl", lines(QUESTIONS));
  const rows = QUESTIONS.map(({ question_id, label }) => ({
    pid: question_id,
    answer: label,
    response: "No",
  }));
  expect(await accuracyOf(truth, await file("out.jsonl", lines(rows)))).toBe(1 / 3);
});

test("Parquet columns of every type come as JSON", async () => {
  const columns = `9007199254740993 AS big, 1.5::DECIMAL(9, 2) AS decimal, 'infinity'::TIMESTAMP AS never,
    DATE '2020-01-02' AS day, 'NaN'::DOUBLE AS nan, {'a': [1, NULL], 'b': {'c': 2}} AS nested,
    MAP {'k': 1} AS map, 'bytes'::BLOB AS bytes, ['bytes'::BLOB] AS images, NULL AS nothing, true AS flag`;
  const { text } = await readDataFile(await table("types.parquet", [{ id: 1 }], columns));
  expect(JSON.parse(text)).toEqual({
    big: "9007199254740993",
    decimal: 1.5,
    never: "infinity",
    day: "2020-01-02",
    nan: "NaN",
    nested: { a: [1, null], b: { c: 2 } },
    map: [{ key: "k", value: 1 }],
    flag: true,
  });
});

test("a text that is too long to be held whole is refused", () => {
  expect(() => refuseTooLong("a.json", constants.MAX_STRING_LENGTH)).not.toThrow();
  expect(() => refuseTooLong("a.json", 2 ** 30)).toThrow(
    new DatasetError(
      `a.json: longer than ${constants.MAX_STRING_LENGTH} characters, the most that is read whole; split the file`,
    ),
  );
});
