import { Command } from "commander";
import {
  compareQuery,
  figuresQuery,
  LIST_RUNS,
  openResults,
  type ResultRow,
  textTable,
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
    const output = flags.json === true ? JSON.stringify(rows, null, 2) : tableOf(rows);
    process.stdout.write(`${output}\n`);
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

function tableOf(rows: readonly ResultRow[]): string {
  const header = Object.keys(rows[0] ?? {});
  if (header.length === 0) return "no rows";
  return textTable([header, ...rows.map((row) => header.map((key) => cell(row[key])))]);
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number" && !Number.isInteger(value)) return value.toFixed(4);
  return String(value);
}
