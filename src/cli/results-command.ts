import { join, relative } from "node:path";
import { Command, Option } from "commander";
import {
  ACROSS,
  type Across,
  compareQuery,
  compareRuns,
  fewImagesWarning,
  figuresQuery,
  formatWithUnit,
  LIST_RUNS,
  type MetricInfo,
  openResults,
  type ResultRow,
  textTable,
} from "../eval/index.js";
import { InvalidArgumentError } from "../index.js";
import { addBenchmarkOption, runBenchmarks } from "./run-benchmarks.js";

interface ResultsFlags {
  readonly compare?: string[];
  readonly across?: Across[];
  readonly benchmark?: string[];
  readonly figures?: true;
  readonly metric?: string;
  readonly sql?: string;
  readonly export?: string;
  readonly json?: true;
}

/** `groundsight results`: lists, compares and exports the runs below a folder. */
export function resultsCommand(): Command {
  const command = new Command("results")
    .description("List, compare, query and export the runs below a folder.")
    .argument("<folder>")
    .option("--compare <runs...>", "the second run against the first, on the same questions")
    .addOption(
      new Option(
        "--across <settings...>",
        "with --compare: in what the runs are meant to differ",
      ).choices(ACROSS),
    )
    .option("--figures", "all figures instead of each run's main ones")
    .option("--metric <name>", "only this metric")
    .option("--sql <query>", "DuckDB query over the views runs, answers, timings, figures")
    .option("--export <file>", "write the rows as .csv or .parquet instead")
    .option("--json", "print JSON");
  return addBenchmarkOption(command)
    .addHelpText(
      "after",
      `
Examples:
  $ groundsight results runs
  $ groundsight results runs --compare pocket-a pocket-b
  $ groundsight results runs --compare pocket tuned --across checkpoint
  $ groundsight results runs --compare mine-a mine-b --benchmark ./my-benchmark.mjs
  $ groundsight results runs --figures --metric accuracy --export accuracy.csv
  $ groundsight results runs --sql "SELECT method, avg(ms) FROM timings GROUP BY method"`,
    )
    .action(run);
}

async function run(folder: string, flags: ResultsFlags): Promise<void> {
  const { sql, notes } = await queryFor(folder, flags);
  const results = await openResults(folder);
  try {
    // Tables have the notes above them; what programs read goes without.
    const isTable = flags.export === undefined && flags.json !== true;
    for (const note of notes) {
      (isTable ? process.stdout : process.stderr).write(`${cell(note)}\n`);
    }
    if (flags.export !== undefined) {
      await results.export(sql, flags.export);
      return;
    }
    const rows = await results.query(sql);
    process.stdout.write(`${printed(rows, flags)}\n`);
  } finally {
    results.close();
  }
}

/** What is asked of the database, and what readers of a comparison are told beside it. */
interface Asked {
  readonly sql: string;
  readonly notes: readonly string[];
}

async function queryFor(folder: string, flags: ResultsFlags): Promise<Asked> {
  const { compare, across, benchmark, figures, metric, sql } = flags;
  if (across !== undefined && (compare === undefined || sql !== undefined)) {
    throw new InvalidArgumentError("across: says in what runs are compared; expected --compare");
  }
  if (benchmark !== undefined && (compare === undefined || sql !== undefined)) {
    throw new InvalidArgumentError("benchmark: says what computes figures; expected --compare");
  }
  if (sql !== undefined) return { sql, notes: [] };
  if (compare !== undefined) return comparison(folder, compare, flags);
  const all = figures === true || metric !== undefined;
  return { sql: all ? figuresQuery(metric) : LIST_RUNS, notes: [] };
}

async function comparison(
  folder: string,
  compare: readonly string[],
  { across = [], benchmark = [], figures, metric }: ResultsFlags,
): Promise<Asked> {
  const [first, second, ...more] = compare;
  if (first === undefined || second === undefined || more.length > 0) {
    throw new InvalidArgumentError(`compare: received ${compare.length} runs; expected two`);
  }
  const folders = [join(folder, first), join(folder, second)] as const;
  const found = await compareRuns(folders, {
    benchmarks: await runBenchmarks(benchmark, folders),
    across,
    figures: metric === undefined ? (figures === true ? "all" : "main") : { metric },
  });
  const images = Math.min(...found.figures.map((one) => one.images));
  const [before, after] = folders.map((run) => relative(folder, run) || ".");
  return {
    sql: compareQuery(before!, after!, found),
    notes: [
      ...found.across.map((difference) => `across ${difference}`),
      ...found.unpaired,
      fewImagesWarning(images) ?? [],
    ].flat(),
  };
}

function printed(rows: readonly ResultRow[], { json, sql }: ResultsFlags): string {
  try {
    if (json === true) return JSON.stringify(rows, null, 2);
    // In what runs differ stands above the table.
    return tableOf(sql === undefined ? rows.map(({ across: _, ...row }) => withUnits(row)) : rows);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const message = `${rows.length} rows are too many to print; write them with --export`;
    throw new InvalidArgumentError(message, { cause });
  }
}

function tableOf(rows: readonly ResultRow[]): string {
  const header = Object.keys(rows[0] ?? {});
  if (header.length === 0) return "no rows";
  const cells = rows.map((row) => header.map((key) => cell(row[key])));
  return textTable([header, ...cells], process.stdout.columns);
}

/** Columns of figures. They hold several metrics: each figure tells its unit, and shares are percent. */
const FIGURES = ["value", "low", "high", "first", "second", "difference"];

function withUnits({ unit, ...row }: ResultRow): ResultRow {
  if (typeof unit !== "string") return row;
  const metric = {
    name: "",
    title: "",
    better: "neither",
    unit: unit as MetricInfo["unit"],
  } as const;
  return Object.fromEntries(
    Object.entries(row).map(([key, value]) => [
      key,
      FIGURES.includes(key) && typeof value === "number"
        ? formatWithUnit(metric, { value })
        : value,
    ]),
  );
}

/** Line ends and other controls are written out: an answer cannot move the cursor. */
function cell(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number" && !Number.isInteger(value)) return value.toFixed(4);
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return text.replaceAll(/\p{Cc}/gu, (c) => (c === "\n" ? "\\n" : `\\x${hex(c)}`));
}

function hex(character: string): string {
  return character.charCodeAt(0).toString(16).padStart(2, "0");
}
