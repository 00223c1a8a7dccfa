import { readdir } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { DatasetError, InvalidArgumentError, importOptional } from "../../errors.js";
import { REPORT_FILES } from "../report/write-report.js";
import { RUN_FILES } from "../store/answer-store.js";

/** A row of a query's result. */
export type ResultRow = Readonly<Record<string, unknown>>;

/** Queries over all runs below a folder. */
export interface ResultsDatabase {
  /**
   * Rows of a SQL query over the views `runs`, `answers`, `timings` and `figures`.
   *
   * @throws InvalidArgumentError with DuckDB's message when the query fails
   */
  query(sql: string): Promise<ResultRow[]>;
  /** Writes a query's rows as CSV or Parquet, by the file's extension. */
  export(sql: string, file: string): Promise<void>;
  close(): void;
}

/** Files of a run that become views, with their columns. */
const VIEWS = {
  answers: {
    file: RUN_FILES.answers,
    columns: { set: "VARCHAR", id: "VARCHAR", method: "VARCHAR", seed: "INTEGER", text: "VARCHAR" },
  },
  timings: {
    file: RUN_FILES.timings,
    columns: {
      set: "VARCHAR",
      id: "VARCHAR",
      method: "VARCHAR",
      seed: "INTEGER",
      ms: "DOUBLE",
      decodeMs: "DOUBLE",
      tokens: "INTEGER",
      batch: "INTEGER",
    },
  },
  figures: {
    file: REPORT_FILES.figures,
    columns: {
      set: "VARCHAR",
      benchmark: "VARCHAR",
      rule: "VARCHAR",
      method: "VARCHAR",
      decoding: "VARCHAR",
      seeds: "INTEGER",
      metric: "VARCHAR",
      primary: "BOOLEAN",
      value: "DOUBLE",
      low: "DOUBLE",
      high: "DOUBLE",
      n: "INTEGER",
      unparsed: "INTEGER",
    },
  },
} as const;

const PARQUET = ".parquet";

/**
 * Opens the results below a folder in DuckDB, in memory; nothing is changed on disk. A run is a folder
 * with `settings.json`; its name is its path below the folder. Unfinished runs are included.
 * A run's JSONL files may be kept as Parquet instead (`answers.parquet`).
 *
 * @throws DatasetError when there is no run
 * @throws UnsupportedCapabilityError when DuckDB is not installed, with the command that installs it
 */
export async function openResults(folder: string): Promise<ResultsDatabase> {
  const runs = await findRuns(folder);
  // Loaded here: other commands should not wait for a database.
  const { DuckDBInstance } = await importOptional(
    { name: "@duckdb/node-api", version: "1.5.5-r.5", use: "querying results" },
    () => import("@duckdb/node-api"),
  );
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  const rows = runs.map((run) => `(${quote(run || ".")}, ${quote(join(folder, run))})`);
  await connection.run(`CREATE VIEW runs AS SELECT * FROM (VALUES ${rows}) AS t(run, folder)`);
  for (const [name, { file, columns }] of Object.entries(VIEWS)) {
    const found = await existing(folder, runs, file);
    await connection.run(viewOf(name, columns, folder, found));
  }
  return {
    query: (sql) => query(connection, sql),
    export: async (sql, file) => {
      const format = /\.(csv|parquet)$/i.exec(file)?.[1]?.toUpperCase();
      if (format === undefined) {
        throw new InvalidArgumentError(
          `export: received ${file}; expected a .csv or .parquet file`,
        );
      }
      const options = format === "CSV" ? "FORMAT CSV, HEADER" : "FORMAT PARQUET";
      await query(connection, `COPY (${sql}) TO ${quote(file)} (${options})`);
    },
    close: () => {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** Paths of run folders below a folder, sorted; the folder itself is the empty path. */
async function findRuns(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw new DatasetError(`${folder}: cannot be read; expected a folder of runs`, { cause });
  });
  const runs = entries
    .filter((path) => path.split(sep).at(-1) === RUN_FILES.settings)
    .map((path) => (dirname(path) === "." ? "" : dirname(path)))
    .sort();
  if (runs.length === 0) {
    throw new DatasetError(`${folder}: there is no run (a folder with ${RUN_FILES.settings})`);
  }
  return runs;
}

async function existing(folder: string, runs: readonly string[], file: string): Promise<string[]> {
  const found = await Promise.all(
    runs.map(async (run) => {
      const names = await readdir(join(folder, run));
      const stored = [file, file.replace(/\.jsonl$/, PARQUET)].find((name) => names.includes(name));
      return stored === undefined ? [] : [join(folder, run, stored)];
    }),
  );
  return found.flat();
}

/**
 * `run` is the path of the file's folder. A line cut by a crash is passed over; columns that older files do
 * not have are null.
 */
function viewOf(
  name: string,
  columns: Readonly<Record<string, string>>,
  folder: string,
  files: readonly string[],
): string {
  const entries = Object.entries(columns);
  const fields = entries.map(([column, type]) => `NULL::${type} AS "${column}"`);
  if (files.length === 0) {
    return `CREATE VIEW ${name} AS SELECT NULL::VARCHAR AS run, ${fields} WHERE false`;
  }
  const cases = files.map(
    (file) => `WHEN ${quote(file)} THEN ${quote(relative(folder, dirname(file)) || ".")}`,
  );
  const types = entries.map(([column, type]) => `"${column}": '${type}'`);
  const isParquet = (file: string) => file.endsWith(PARQUET);
  const sources = [
    {
      files: files.filter((file) => !isParquet(file)),
      read: (list: string) =>
        `read_json([${list}], format = 'newline_delimited', columns = {${types}}, ` +
        "filename = true, ignore_errors = true)",
    },
    {
      files: files.filter(isParquet),
      read: (list: string) =>
        `(SELECT NULL::VARCHAR AS filename, ${fields} WHERE false UNION ALL BY NAME ` +
        `SELECT * FROM read_parquet([${list}], filename = true, union_by_name = true))`,
    },
  ].flatMap((source) =>
    source.files.length === 0 ? [] : source.read(source.files.map(quote).join()),
  );
  const columnsOf = (source: string) =>
    `SELECT CASE filename ${cases.join(" ")} END AS run, ${Object.keys(columns).map((c) => `"${c}"`)} FROM ${source}`;
  return `CREATE VIEW ${name} AS ${sources.map(columnsOf).join(" UNION ALL ")}`;
}

async function query(connection: DuckDBConnection, sql: string): Promise<ResultRow[]> {
  try {
    const reader = await connection.runAndReadAll(sql);
    return reader.getRowObjectsJS().map(withPlainNumbers);
  } catch (cause) {
    throw new InvalidArgumentError(`query failed: ${(cause as Error).message}`, { cause });
  }
}

/** Counts come as bigint, which JSON does not know. */
function withPlainNumbers(row: Record<string, unknown>): ResultRow {
  return Object.fromEntries(
    Object.entries(row).map(([key, value]) => [
      key,
      typeof value === "bigint" ? Number(value) : value,
    ]),
  );
}

/** A SQL string. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
