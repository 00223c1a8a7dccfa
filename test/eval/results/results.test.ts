import { appendFile, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { resultsCommand } from "../../../src/cli/results-command.js";
import { evaluate } from "../../../src/eval/evaluate.js";
import { openResults } from "../../../src/eval/results/results-database.js";
import { seeingModel, smallRequest, writeSet } from "../small-run.js";

let folder: string;
let runs: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "results-"));
  runs = join(folder, "it's runs");
  const data = await writeSet(folder);
  await using model = seeingModel();
  for (const [name, promptSuffix] of [
    ["a", ""],
    ["deeper/b", " Is there a person?"],
  ] as const) {
    const out = join(runs, name);
    await evaluate(model, await smallRequest(folder, data, { out, promptSuffix }));
  }
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => {
  vi.restoreAllMocks();
});

async function results(...args: string[]): Promise<string> {
  let output = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    output += String(text);
    return true;
  });
  await resultsCommand().parseAsync(args, { from: "user" });
  return output;
}

test("lists runs with their answers and main figures", async () => {
  const rows = JSON.parse(await results(runs, "--json"));
  expect(rows).toHaveLength(2 * 6);
  expect(rows[0]).toMatchObject({ run: "a", answers: 216, metric: "accuracy", decoding: "greedy" });
  expect(rows.at(-1).run).toBe("deeper/b");
  expect(rows[0]).toMatchObject({ unit: "share", value: 16 / 24 });
  const table = await results(runs);
  expect(table).toMatch(/^run +answers +set +method +decoding/);
  // For people all figures of the column are percent, and say so.
  expect(table).toMatch(/ regular +greedy +accuracy +66\.7% +[\d.]+% +[\d.]+%/);
});

test("compares two runs that are meant to differ: figures, intervals, and how many answers are the same", async () => {
  const compare = ["--compare", "a", "deeper/b"];
  await expect(results(runs, ...compare)).rejects.toThrow(
    /deeper\/b differs from .*a:\n {2}prompt: promptSuffix was "", is " Is there a person\?"\n.*--across prompt/,
  );
  const told = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const rows = JSON.parse(await results(runs, ...compare, "--across", "prompt", "--json"));
  expect(told).toHaveBeenCalledWith(
    'across prompt: promptSuffix was "", is " Is there a person?"\n',
  );
  expect(rows).toHaveLength(6);
  const greedy = rows.find(
    (row: { method: string; decoding: string }) =>
      row.method === "regular" && row.decoding === "greedy",
  );
  // With the suffix the model says yes to every question: 6 of 12 dark images change.
  expect(greedy.first).toBeCloseTo(16 / 24);
  expect(greedy.second).toBeCloseTo(10 / 24);
  expect(greedy.difference).toBeCloseTo(-6 / 24);
  expect(greedy.low).toBeLessThan(-6 / 24);
  expect(greedy.high).toBeGreaterThan(-6 / 24);
  // The 12 answers about dogs have other words now, those about persons the same.
  expect(greedy).toMatchObject({ images: 12, left_out: 0, unit: "share", same_answers: 0.5 });
  expect(greedy.across).toEqual(['prompt: promptSuffix was "", is " Is there a person?"']);
  const table = await results(runs, ...compare, "--across", "prompt", "--metric", "f1");
  expect(table).toMatch(/^across prompt: promptSuffix was .*\nonly 12 images: .*\nset +method/);
  expect(table).toMatch(/ regular +greedy +f1 +[\d.]+% +[\d.]+% +-[\d.]+% /);
  expect(table).not.toMatch(/ accuracy /);
  const csv = join(folder, "compared.csv");
  await results(runs, ...compare, "--across", "prompt", "--figures", "--export", csv);
  const [header, first] = (await readFile(csv, "utf8")).split("\n");
  expect(header).toMatch(/^set,method,decoding,metric,unit,first,second,difference,low,high,p,/);
  expect(first).toContain("pope_small,regular,greedy,accuracy");
});

test("what cannot be compared is refused by name", async () => {
  const across = ["--across", "prompt"];
  await expect(results(runs, "--compare", "a")).rejects.toThrow(/received 1 runs; expected two/);
  await expect(results(runs, ...across)).rejects.toThrow(/across: .* expected --compare/);
  await expect(results(runs, "--compare", "a", "none")).rejects.toThrow(/none: no run/);
  await expect(
    results(runs, "--compare", "a", "deeper/b", ...across, "--metric", "chair_i"),
  ).rejects.toThrow(/metric: received chair_i; expected one of accuracy, /);
});

test("exports CSV, and Parquet that can be queried again", async () => {
  const csv = join(folder, "figures.csv");
  await results(runs, "--figures", "--metric", "accuracy", "--export", csv);
  const lines = (await readFile(csv, "utf8")).trim().split("\n");
  expect(lines[0]).toMatch(/^run,set,benchmark,rule,method/);
  expect(lines).toHaveLength(1 + 2 * 6);
  const again = join(folder, "again");
  await mkdir(again);
  await appendFile(join(again, "settings.json"), "{}");
  await results(
    runs,
    "--sql",
    "SELECT * EXCLUDE (run) FROM answers;",
    "--export",
    join(again, "answers.parquet"),
  );
  const count = "SELECT count(*) AS n FROM answers";
  expect(JSON.parse(await results(again, "--sql", count, "--json"))).toEqual([{ n: 432 }]);
  await expect(results(runs, "--figures", "--export", "x.txt")).rejects.toThrow(/expected a \.csv/);
});

test("a run whose answers are kept as Parquet reads like the others", async () => {
  const packed = join(folder, "packed");
  await mkdir(join(packed, "p"), { recursive: true });
  await appendFile(join(packed, "p", "settings.json"), "{}");
  const sql = "SELECT * EXCLUDE (run) FROM answers WHERE run = 'a'";
  await results(runs, "--sql", sql, "--export", join(packed, "p", "answers.parquet"));
  await mkdir(join(packed, "j"));
  await appendFile(join(packed, "j", "settings.json"), "{}");
  const row = { set: "s", id: "1", method: "regular", seed: null, text: "Yes" };
  await appendFile(join(packed, "j", "answers.jsonl"), `${JSON.stringify(row)}\n`);
  const count = "SELECT run, count(*) AS n FROM answers GROUP BY run ORDER BY run";
  expect(JSON.parse(await results(packed, "--sql", count, "--json"))).toEqual([
    { run: "j", n: 1 },
    { run: "p", n: 216 },
  ]);
});

test("figures of older runs have the unit that their benchmark gives them", async () => {
  const old = join(folder, "old-figures");
  await mkdir(old);
  await appendFile(join(old, "settings.json"), "{}");
  const rows = [
    { set: "s", benchmark: "pope", metric: "accuracy", value: 0.5, primary: true },
    { set: "s", benchmark: "chair", metric: "chair_i", value: 27.08 },
    { set: "s", benchmark: "own", metric: "sides", value: 3 },
  ];
  const lines = rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  await appendFile(join(old, "figures.jsonl"), lines);
  const table = await results(old, "--figures");
  expect(table).toMatch(/accuracy .* 50\.0%/);
  expect(table).toMatch(/chair_i .* 27\.1%/);
  expect(table).toMatch(/sides .* 3/);
});

test("texts with line ends and controls stay in their cells, lists are shown", async () => {
  const sql = "SELECT 'a' || chr(10) || 'b' || chr(27) || '[2J' AS text, [1, 2] AS list";
  expect((await results(runs, "--sql", sql)).split("\n")[1]).toBe("a\\nb\\x1b[2J  [1,2]");
});

test("timings of older runs, without the time of decoding, read as JSONL and as Parquet", async () => {
  const old = join(folder, "old");
  const row = { set: "s", id: "1", method: "regular", seed: null, ms: 40, tokens: 2 };
  for (const run of ["j", "p"]) {
    await mkdir(join(old, run), { recursive: true });
    await appendFile(join(old, run, "settings.json"), "{}");
  }
  await appendFile(join(old, "j", "timings.jsonl"), `${JSON.stringify(row)}\n`);
  const sql = "SELECT * EXCLUDE (run, decodeMs, batch) FROM timings WHERE run = 'j'";
  await results(old, "--sql", sql, "--export", join(old, "p", "timings.parquet"));
  const all = "SELECT run, ms, decodeMs, tokens FROM timings ORDER BY run";
  expect(JSON.parse(await results(old, "--sql", all, "--json"))).toEqual([
    { run: "j", ms: 40, decodeMs: null, tokens: 2 },
    { run: "p", ms: 40, decodeMs: null, tokens: 2 },
  ]);
});

describe("queries", () => {
  test("any SQL over the views; an error is told in DuckDB's words", async () => {
    const sql =
      "SELECT method, count(*) AS n, avg(tokens) > 0 AS timed FROM timings GROUP BY 1 ORDER BY 1";
    expect(JSON.parse(await results(runs, "--sql", sql, "--json"))).toEqual([
      { method: "apc", n: 144, timed: true },
      { method: "regular", n: 144, timed: true },
      { method: "vcd", n: 144, timed: true },
    ]);
    await expect(results(runs, "--sql", "SELECT nonsense")).rejects.toThrow(
      /query failed: .*nonsense/,
    );
  });

  test("an unfinished run, and a line cut by a crash", async () => {
    const unfinished = join(folder, "unfinished");
    await mkdir(unfinished);
    await appendFile(join(unfinished, "settings.json"), "{}");
    const row = { set: "s", id: "1", method: "regular", seed: null, text: "Yes" };
    await appendFile(join(unfinished, "answers.jsonl"), `${JSON.stringify(row)}\n{"set": "s", "i`);
    const database = await openResults(unfinished);
    const rows = await database.query(
      "SELECT run, answers FROM (FROM answers SELECT run, count(id) AS answers GROUP BY run)",
    );
    expect(rows).toEqual([{ run: ".", answers: 1 }]);
    expect(await database.query("SELECT * FROM figures")).toEqual([]);
    database.close();
  });

  test("a folder without runs", async () => {
    await expect(openResults(join(folder, "images"))).rejects.toThrow(/there is no run/);
    await expect(openResults(join(folder, "none"))).rejects.toThrow(/cannot be read/);
  });
});
