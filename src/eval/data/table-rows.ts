import { resolve } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { DatasetError, GroundsightError } from "../../errors.js";
import { literalGlob, openDatabase, quote } from "./duckdb.js";
import { plainValue } from "./plain-value.js";

/** The dialect of RFC 4180, never guessed: every value is text. */
const CSV = `header = true, all_varchar = true, delim = ',', quote = '"', escape = '"', comment = ''`;

/** True for files whose rows are read as a table. */
export function isTable(path: string): boolean {
  return /\.(parquet|csv(\.gz)?)$/i.test(path);
}

/**
 * Rows of a Parquet or CSV file as lines of JSON, some thousands at a time. Columns of bytes (images inside the
 * file) and empty values are left out.
 *
 * @throws DatasetError with DuckDB's words when the file is missing or broken
 * @throws UnsupportedCapabilityError when DuckDB is not installed
 */
export async function* tablePieces(path: string): AsyncGenerator<string> {
  // An absolute path cannot be taken for an address (`s3://...`) or a home (`~`).
  const file = resolve(path);
  const database = await openDatabase({
    statements: ["SET memory_limit = '1GB'", "SET threads = 2"],
    files: [file],
    use: "reading Parquet and CSV files",
  });
  try {
    const { connection } = database;
    const table = tableOf(file);
    const columns = await columnsOf(connection, table);
    const result = await connection.stream(`SELECT ${columns} FROM ${table}`);
    for await (const rows of result.yieldRowObjectJs()) {
      if (rows.length > 0) yield rows.map((row) => `${JSON.stringify(filled(row))}\n`).join("");
    }
  } catch (cause) {
    if (GroundsightError.isInstance(cause)) throw cause;
    const [message] = (cause as Error).message.split("\n");
    throw new DatasetError(`${path}: cannot be read as a table (${message}); check the file`, {
      cause,
    });
  } finally {
    database.close();
  }
}

function tableOf(file: string): string {
  const path = quote(literalGlob(file));
  return /\.parquet$/i.test(file) ? `read_parquet(${path})` : `read_csv(${path}, ${CSV})`;
}

async function columnsOf(connection: DuckDBConnection, table: string): Promise<string> {
  const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${table}`);
  const columns = described.getRowObjectsJS().flatMap(({ column_name, column_type }) => {
    if (String(column_type).includes("BLOB")) return [];
    return [`"${String(column_name).replaceAll('"', '""')}"`];
  });
  if (columns.length === 0) throw new DatasetError("the table has no column of text or numbers");
  return columns.join(", ");
}

function filled(row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(row).filter(([, value]) => value !== null);
  return Object.fromEntries(entries.map(([key, value]) => [key, plainValue(value)]));
}
