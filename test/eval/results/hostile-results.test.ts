import { access, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { InvalidArgumentError } from "../../../src/errors.js";
import { openResults, type ResultsDatabase } from "../../../src/eval/results/results-database.js";

let folder: string;
let database: ResultsDatabase;

const line = (id: number) =>
  `${JSON.stringify({ set: "s", id: String(id), method: "regular", seed: null, text: "Yes" })}\n`;

async function writeRun(root: string, run: string, answers: number): Promise<void> {
  await mkdir(join(root, run), { recursive: true });
  await writeFile(join(root, run, "settings.json"), "{}");
  const lines = Array.from({ length: answers }, (_, i) => line(i)).join("");
  await writeFile(join(root, run, "answers.jsonl"), lines);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hostile-results-"));
  await writeRun(folder, "plain", 2);
  database = await openResults(folder);
});
afterAll(async () => {
  database.close();
  await rm(folder, { recursive: true });
});

test("folders whose names are patterns or partitions are read as they are named", async () => {
  const root = join(folder, "patterns");
  const names = ["star*", "starX", "qu?", "quX", "[ab]", "a", "{a,b}", "set=x", "~", "it's"];
  for (const [index, name] of names.entries()) await writeRun(root, name, index + 1);
  const results = await openResults(root);
  const rows = await results.query(
    'SELECT run, count(*) AS n, min("set") AS "set" FROM answers GROUP BY run',
  );
  results.close();
  const found = new Map(rows.map(({ run, n, set }) => [run, [n, set]]));
  expect(found).toEqual(new Map(names.map((name, index) => [name, [index + 1, "s"]])));
});

describe("rows", () => {
  test("lists, structs, maps and large integers survive JSON", async () => {
    const [row] = await database.query(
      `SELECT [1::BIGINT] AS list, {'x': 2::HUGEINT} AS struct, MAP {'k': 3::BIGINT} AS map,
        9007199254740993 AS large, 'a'::BLOB AS bytes, NULL AS nothing`,
    );
    expect(JSON.parse(JSON.stringify(row))).toEqual({
      list: [1],
      struct: { x: 2 },
      map: [{ key: "k", value: 3 }],
      large: "9007199254740993",
      bytes: "61",
      nothing: null,
    });
  });

  test("200,000 of them are no matter", async () => {
    const rows = await database.query("SELECT * FROM range(200000)");
    expect(rows).toHaveLength(200_000);
  });
});

describe("a query by anyone", () => {
  test.each([
    ["another file", "SELECT * FROM read_text('/etc/hostname')"],
    ["another file by name", "SELECT * FROM read_csv('/etc/passwd')"],
    ["a listing", "SELECT * FROM glob('/etc/*')"],
    ["writing", "COPY (SELECT 1) TO 'out.csv'"],
    ["writing while explaining", "EXPLAIN ANALYZE COPY (SELECT 1) TO 'out.csv'"],
    ["another database", "ATTACH 'new.db'"],
    ["an extension", "INSTALL httpfs"],
    ["the lock", "SET enable_external_access = true"],
    ["a table", "CREATE TABLE t (i INTEGER)"],
    ["two statements", "SELECT 1; SELECT 2"],
    ["no statement", "  "],
    ["only a comment", "-- nothing"],
  ])("%s is refused", async (_, sql) => {
    await expect(database.query(sql)).rejects.toThrow(InvalidArgumentError);
    await expect(database.export(sql, join(folder, "x.csv"))).rejects.toThrow(InvalidArgumentError);
  });

  test.each(["", " ", ";", ";;\n", "-- nothing", "/* SELECT\n1 */;"])(
    "a text without a statement is no query: %j",
    async (sql) => {
      await expect(database.query(sql)).rejects.toThrow("query: expected one SELECT statement");
    },
  );

  test("comments and ends around a SELECT are no matter", async () => {
    expect(await database.query(";/* first */ SELECT '--' AS x; -- last\n;")).toEqual([
      { x: "--" },
    ]);
  });

  test("not even the runs' own files can be written", async () => {
    const file = join(folder, "plain", "answers.jsonl");
    const sql = `COPY (SELECT 1) TO '${file}'`;
    await expect(database.query(sql)).rejects.toThrow(/expected one SELECT/);
    await expect(
      database.export(`SELECT 1) TO '${file}' --`, join(folder, "x.csv")),
    ).rejects.toThrow();
    expect(await readFile(file, "utf8")).toBe(line(0) + line(1));
    await expect(access(join(folder, "x.csv"))).rejects.toThrow();
  });
});
