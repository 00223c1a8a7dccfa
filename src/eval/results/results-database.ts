import { resolve } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { InvalidArgumentError } from "../../errors.js";
import { duckDb, openDatabase, quote } from "../data/duckdb.js";
import { plainValue } from "../data/plain-value.js";
import { viewsOf } from "./run-views.js";

const USE = "querying results";

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
  const database = await openDatabase({ ...views, use: USE });
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
      const exporting = await openDatabase({ ...views, writable: [path], use: USE });
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

async function query(connection: DuckDBConnection, sql: string): Promise<ResultRow[]> {
  await requireSelect(connection, sql);
  return run(connection, sql);
}

/** Anything else (COPY, ATTACH, SET, several statements) could write to the runs' files. */
async function requireSelect(connection: DuckDBConnection, sql: string): Promise<void> {
  const { StatementType } = await duckDb(USE);
  const isSelect = await failingAsQuery(async () => {
    // DuckDB says of a text without a statement only that there was an error.
    if (withoutComments(sql).replace(/[\s;]/g, "") === "") return false;
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

function withoutComments(sql: string): string {
  return sql.replace(/--.*$|\/\*[\s\S]*?\*\//gm, "");
}

/** A query that can stand in brackets. */
function withoutEnd(sql: string): string {
  return sql.trim().replace(/;+$/, "");
}
