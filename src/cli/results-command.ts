import { Command } from "commander";
import {
  compareQuery,
  figuresQuery,
  formatValue,
  LIST_RUNS,
  type MetricInfo,
  openResults,
  type ResultRow,
  textTable,
  unitOf,
} from "../eval/index.js";
import { InvalidArgumentError } from "../index.js";

interface ResultsFlags {
  readonly compare?: string[];
  readonly figures?: true;
  readonly metric?: string;
  readonly sql?: string;
  readonly export?: string;
  readonly json?: true;
}

/** `groundsight results`: lists, compares and exports the runs below a folder. */
export function resultsCommand(): Command {
  return new Command("results")
    .description("List, compare, query and export the runs below a folder.")
    .argument("<folder>")
    .option("--compare <runs...>", "two runs side by side")
    .option("--figures", "all figures instead of each run's main ones")
    .option("--metric <name>", "only this metric")
    .option("--sql <query>", "DuckDB query over the views runs, answers, timings, figures")
    .option("--export <file>", "write the rows as .csv or .parquet instead")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Examples:
  $ groundsight results runs
  $ groundsight results runs --compare pocket-a pocket-b
  $ groundsight results runs --figures --metric accuracy --export accuracy.csv
  $ groundsight results runs --sql "SELECT method, avg(ms) FROM timings GROUP BY method"`,
    )
    .action(run);
}

async function run(folder: string, flags: ResultsFlags): Promise<void> {
  const sql = queryFor(flags);
  const results = await openResults(folder);
  try {
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

function queryFor({ compare, figures, metric, sql }: ResultsFlags): string {
  if (sql !== undefined) return sql;
  if (compare === undefined) {
    return figures === true || metric !== undefined ? figuresQuery(metric) : LIST_RUNS;
  }
  const [first, second, ...more] = compare;
  if (first === undefined || second === undefined || more.length > 0) {
    throw new InvalidArgumentError(`compare: received ${compare.length} runs; expected two`);
  }
  return compareQuery(first, second, metric);
}

function printed(rows: readonly ResultRow[], { json, sql }: ResultsFlags): string {
  try {
    if (json === true) return JSON.stringify(rows, null, 2);
    return tableOf(sql === undefined ? rows.map(withUnits) : rows);
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
        ? formatValue(metric, { value }) + unitOf(metric)
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
