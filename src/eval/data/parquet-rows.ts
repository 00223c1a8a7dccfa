import { resolve } from "node:path";
import type {
  DuckDBConnection,
  DuckDBListType,
  DuckDBMapType,
  DuckDBStructType,
  DuckDBType,
  DuckDBValueConverter,
  JS,
} from "@duckdb/node-api";
import { DatasetError, GroundsightError } from "../../errors.js";
import { duckDb, literalGlob, openDatabase, quote } from "./duckdb.js";
import { plainValue } from "./plain-value.js";
import { refuseEndless } from "./refuse-endless.js";

const USE = "reading Parquet files";
/** Rows that DuckDB holds at once. */
const ROWS_AT_ONCE = 2048;
/** Text that so many rows may hold: a file of some kilobytes may repeat a long value in each. */
const MOST_AT_ONCE = 2 ** 29;
/** Rows that are measured before they are read. */
const MOST_ROWS = 2 ** 32;
const PIECE = 2 ** 20;

/**
 * Rows of a Parquet file as lines of JSON. Columns of bytes (images inside the file) and empty values are left out;
 * dates and times come as text.
 *
 * @param most how many bytes the rows may have in all
 * @param mostAtOnce how many characters those may have that DuckDB holds at once
 * @throws DatasetError with DuckDB's words when the file is missing or broken, or when it holds too much
 * @throws UnsupportedCapabilityError when DuckDB is not installed
 */
export async function* parquetPieces(
  path: string,
  most: number,
  mostAtOnce: number = MOST_AT_ONCE,
): AsyncGenerator<string> {
  // An absolute path cannot be taken for an address (`s3://...`) or a home (`~`).
  const file = resolve(path);
  const database = await openDatabase({
    statements: ["SET memory_limit = '1GB'", "SET threads = 2"],
    files: [file],
    use: USE,
  });
  try {
    const { connection } = database;
    const table = `read_parquet(${quote(literalGlob(file))})`;
    const columns = await columnsOf(connection, table);
    const { rows, total, largest } = await sizesOf(connection, table, columns);
    refuseEndless(path, total, most);
    if (largest > mostAtOnce) throw tooMuchAtOnce(path, rows, mostAtOnce);
    const convert = await jsonConverter();
    const names = columns.map(({ name }) => identifierOf(name)).join(", ");
    const result = await connection.stream(`SELECT ${names} FROM ${table}`);
    let lines = "";
    let size = 0;
    for await (const chunk of result) {
      for (let row = 0; row < chunk.rowCount; row++) {
        const fields = columns.flatMap(({ name, type }, index): [string, unknown][] => {
          const value = convert(chunk.getColumnVector(index).getItem(row), type, convert);
          return value === null ? [] : [[name, plainValue(value)]];
        });
        lines += `${JSON.stringify(Object.fromEntries(fields))}\n`;
        if (lines.length < PIECE) continue;
        size += Buffer.byteLength(lines);
        refuseEndless(path, size, most);
        yield lines;
        lines = "";
      }
    }
    refuseEndless(path, size + Buffer.byteLength(lines), most);
    if (lines !== "") yield lines;
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

interface Column {
  readonly name: string;
  readonly type: DuckDBType;
}

async function columnsOf(connection: DuckDBConnection, table: string): Promise<Column[]> {
  const result = await connection.run(`SELECT * FROM ${table} LIMIT 0`);
  const types = result.columnTypes();
  const columns = result
    .columnNames()
    .map((name, index) => ({ name, type: types[index]! }))
    .filter(({ type }) => !String(type).includes("BLOB"));
  if (columns.length === 0) throw new DatasetError("the table has no column of text or numbers");
  return columns;
}

/** What the rows of a file hold, at least, and those that are held at once: known before any is unpacked. */
async function sizesOf(
  connection: DuckDBConnection,
  table: string,
  columns: readonly Column[],
): Promise<Record<"rows" | "total" | "largest", number>> {
  const counted = await connection.runAndReadAll(`SELECT count(*)::DOUBLE AS n FROM ${table}`);
  const rows = Number(counted.getRowObjectsJS()[0]?.n ?? 0);
  // To go through more rows than these takes minutes; the shortest is `{}` and its line end.
  if (rows > MOST_ROWS) return { rows, total: 3 * rows, largest: 0 };
  const length = columns.map(({ name, type }) => lengthOf(identifierOf(name), type, 0)).join(" + ");
  const measured = await connection.runAndReadAll(
    `SELECT sum(size)::DOUBLE AS total, max(size)::DOUBLE AS largest FROM (
       SELECT sum(length) AS size FROM (
         SELECT ${length} AS length, (row_number() OVER () - 1) // ${ROWS_AT_ONCE} AS block FROM ${table}
       ) GROUP BY block)`,
  );
  const { total, largest } = measured.getRowObjectsJS()[0] ?? {};
  return { rows, total: Number(total), largest: Number(largest) };
}

function tooMuchAtOnce(path: string, rows: number, most: number): DatasetError {
  return new DatasetError(
    `${path}: ${Math.min(rows, ROWS_AT_ONCE)} rows hold more than ${most / 2 ** 20} MiB of text; expected rows of a benchmark; leave out columns such as images`,
  );
}

/** SQL for the length of a value as text, without making one. */
function lengthOf(value: string, type: DuckDBType, depth: number): string {
  const of = (within: string) => `coalesce(${within}, 0)`;
  const name = String(type);
  if (/^(VARCHAR|JSON|ENUM)/.test(name) && !name.endsWith("]")) return of(`strlen(${value})`);
  if (name.startsWith("STRUCT") && !name.endsWith("]")) {
    const { entryNames, entryTypes } = type as DuckDBStructType;
    const fields = entryNames.map((field, index) =>
      lengthOf(`struct_extract(${value}, ${quote(field)})`, entryTypes[index]!, depth),
    );
    return `(${fields.join(" + ")})`;
  }
  if (name.startsWith("MAP") && !name.endsWith("]")) {
    const { keyType, valueType } = type as DuckDBMapType;
    const keys = listLength(`map_keys(${value})`, keyType, depth);
    return `(${keys} + ${listLength(`map_values(${value})`, valueType, depth)})`;
  }
  if (name.endsWith("]")) return listLength(value, (type as DuckDBListType).valueType, depth);
  return "1";
}

function listLength(list: string, type: DuckDBType, depth: number): string {
  const one = `v${depth}`;
  const length = lengthOf(one, type, depth + 1);
  return `coalesce(list_sum(list_transform(${list}, lambda ${one}: ${length})), 0)`;
}

/** As DuckDB's own, but that times may lie beyond those of JavaScript, and numbers beyond those of JSON. */
async function jsonConverter(): Promise<DuckDBValueConverter<JS>> {
  const { DuckDBTypeId, JSDuckDBValueConverter } = await duckDb(USE);
  const times: ReadonlySet<unknown> = new Set(
    Object.entries(DuckDBTypeId).flatMap(([name, id]) => (/^(DATE|TIME)/.test(name) ? [id] : [])),
  );
  return (value, type, converter) => {
    if (value !== null && times.has(type.typeId)) return String(value);
    const converted = JSDuckDBValueConverter(value, type, converter);
    const isBeyond = typeof converted === "number" && !Number.isFinite(converted);
    return isBeyond ? String(converted) : converted;
  };
}

function identifierOf(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
