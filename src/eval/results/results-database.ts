import { readdir } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { DatasetError, InvalidArgumentError, importFailure } from "../../errors.js";
import { BENCHMARKS } from "../benchmarks/registry.js";
import { REPORT_FILES } from "../report/write-report.js";
import { RUN_FILES } from "../store/answer-store.js";
import { plainValue } from "./plain-value.js";

/** A row of a query's result. */
export type ResultRow = Readonly<Record<string, unknown>>;

/** Queries over all runs below a folder. */
export interface ResultsDatabase {
  /**
   * Rows of a SQL query over the views `runs`, `answers`, `timings` and `figures`. It may be written by
   * anyone: one SELECT, which reads the files of these views and no others, writes nothing, and loads no
   * extension. Whole numbers beyond 2^53 come as text.
   *
   * @throws InvalidArgumentError with DuckDB's message when the query fails
   */
  query(sql: string): Promise<ResultRow[]>;
  /** Writes a query's rows as CSV or Parquet, by the file's extension; replaces the file. */
  export(sql: string, file: string): Promise<void>;
  /** Frees the database; nothing can be asked afterwards. */
  close(): void;
}

/** Files of a run that become views, with their columns. */
const VIEWS = {
  answers: {
    file: RUN_FILES.answers,
    columns: {
      set: "VARCHAR",
      id: "VARCHAR",
      method: "VARCHAR",
      seed: "INTEGER",
      draw: "INTEGER",
      text: "VARCHAR",
    },
  },
  timings: {
    file: RUN_FILES.timings,
    columns: {
      set: "VARCHAR",
      id: "VARCHAR",
      method: "VARCHAR",
      seed: "INTEGER",
      draw: "INTEGER",
      ms: "DOUBLE",
      decodeMs: "DOUBLE",
      tokens: "INTEGER",
      batch: "INTEGER",
    },
  },
  stored_figures: {
    file: REPORT_FILES.figures,
    columns: {
      set: "VARCHAR",
      benchmark: "VARCHAR",
      rule: "VARCHAR",
      method: "VARCHAR",
      decoding: "VARCHAR",
      seeds: "INTEGER",
      draws: "INTEGER",
      metric: "VARCHAR",
      unit: "VARCHAR",
      primary: "BOOLEAN",
      value: "DOUBLE",
      low: "DOUBLE",
      high: "DOUBLE",
      n: "INTEGER",
      unparsed: "INTEGER",
    },
  },
} as const;

/** Runs reported before units were kept: their benchmarks tell them. */
const WITH_UNITS: readonly string[] = [
  `CREATE VIEW figures AS SELECT f.* REPLACE (coalesce(f.unit, u.unit) AS unit) FROM stored_figures f
    LEFT JOIN (VALUES ${BENCHMARKS.flatMap(({ name, metrics }) =>
      metrics.map((metric) => `(${quote(name)}, ${quote(metric.name)}, ${quote(metric.unit)})`),
    )}) u(benchmark, metric, unit) ON u.benchmark = f.benchmark AND u.metric = f.metric`,
];

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
  // An absolute path cannot be taken for an address (`s3://...`) or a home (`~`).
  const views = await viewsOf(resolve(folder));
  const database = await openDatabase(views, []);
  return {
    query: (sql) => query(database.connection, sql),
    export: async (sql, file) => {
      const format = /\.(csv|parquet)$/i.exec(file)?.[1]?.toUpperCase();
      if (format === undefined) {
        throw new InvalidArgumentError(
          `export: received ${file}; expected a .csv or .parquet file`,
        );
      }
      const path = resolve(file);
      const options = format === "CSV" ? "FORMAT CSV, HEADER" : "FORMAT PARQUET";
      const exporting = await openDatabase(views, [path]);
      try {
        await requireSelect(exporting.connection, sql);
        const copy = `COPY (${withoutEnd(sql)}\n) TO ${quote(path)} (${options}, USE_TMP_FILE false)`;
        await run(exporting.connection, copy);
      } finally {
        exporting.close();
      }
    },
    close: database.close,
  };
}

/** Loaded when it is needed: other commands should not wait for a database, and not everybody has it installed. */
async function duckDb(): Promise<typeof import("@duckdb/node-api")> {
  try {
    return await import("@duckdb/node-api");
  } catch (cause) {
    const duckDb = { name: "@duckdb/node-api", version: "1.5.5-r.5", use: "querying results" };
    throw importFailure(duckDb, cause);
  }
}

/** Statements that create the views, and the files that these read. */
interface Views {
  readonly statements: readonly string[];
  readonly files: readonly string[];
}

async function viewsOf(folder: string): Promise<Views> {
  const runs = await findRuns(folder);
  const rows = runs.map((run) => `(${quote(run || ".")}, ${quote(join(folder, run))})`);
  const statements = [`CREATE VIEW runs AS SELECT * FROM (VALUES ${rows}) AS t(run, folder)`];
  const files: string[] = [];
  for (const [name, { file, columns }] of Object.entries(VIEWS)) {
    const found = await existing(folder, runs, file);
    files.push(...found);
    statements.push(viewOf(name, columns, folder, found));
  }
  statements.push(...WITH_UNITS);
  return { statements, files };
}

/** A database that may touch the views' files, one file to write, and nothing else. */
async function openDatabase(
  { statements, files }: Views,
  writable: readonly string[],
): Promise<{ connection: DuckDBConnection; close: () => void }> {
  // Loaded here: other commands should not wait for a database.
  const { DuckDBInstance } = await duckDb();
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  for (const statement of statements) await connection.run(statement);
  // DuckDB looks for the pattern's own text among these paths as well as for the file that it matches.
  const allowed = [...new Set([...files, ...files.map(literalGlob), ...writable])];
  for (const statement of [
    `SET allowed_paths = [${allowed.map(quote)}]`,
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
  ]) {
    await connection.run(statement);
  }
  return {
    connection,
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
        "filename = true, hive_partitioning = false, ignore_errors = true)",
    },
    {
      files: files.filter(isParquet),
      read: (list: string) =>
        `(SELECT NULL::VARCHAR AS filename, ${fields} WHERE false UNION ALL BY NAME ` +
        `SELECT * FROM read_parquet([${list}], filename = true, hive_partitioning = false, union_by_name = true))`,
    },
  ].flatMap((source) =>
    source.files.length === 0 ? [] : source.read(source.files.map(literalGlob).map(quote).join()),
  );
  const columnsOf = (source: string) =>
    `SELECT CASE filename ${cases.join(" ")} END AS run, ${Object.keys(columns).map((c) => `"${c}"`)} FROM ${source}`;
  return `CREATE VIEW ${name} AS ${sources.map(columnsOf).join(" UNION ALL ")}`;
}

async function query(connection: DuckDBConnection, sql: string): Promise<ResultRow[]> {
  await requireSelect(connection, sql);
  return run(connection, sql);
}

/** Anything else (COPY, ATTACH, SET, several statements) could write to the runs' files. */
async function requireSelect(connection: DuckDBConnection, sql: string): Promise<void> {
  const { StatementType } = await duckDb();
  const isSelect = await failingAsQuery(async () => {
    if (sql.trim() === "") return false;
    const statements = await connection.extractStatements(sql);
    if (statements.count !== 1) return false;
    const prepared = await statements.prepare(0);
    const { statementType } = prepared;
    prepared.destroySync();
    return statementType === StatementType.SELECT;
  });
  if (!isSelect) {
    throw new InvalidArgumentError("query: expected one SELECT statement; nothing else is run");
  }
}

async function run(connection: DuckDBConnection, sql: string): Promise<ResultRow[]> {
  return failingAsQuery(async () => {
    const reader = await connection.runAndReadAll(sql);
    return reader.getRowObjectsJS().map((row) => plainValue(row) as ResultRow);
  });
}

async function failingAsQuery<T>(asked: () => Promise<T>): Promise<T> {
  try {
    return await asked();
  } catch (cause) {
    throw new InvalidArgumentError(`query failed: ${(cause as Error).message}`, { cause });
  }
}

/** A query that can stand in brackets. */
function withoutEnd(sql: string): string {
  return sql.trim().replace(/;+$/, "");
}

/** A path as a glob pattern that matches this path alone: `run*` is a folder, not all that begin so. */
function literalGlob(path: string): string {
  return path.replaceAll(/[*?[]/g, "[$&]");
}

/** A SQL string. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
