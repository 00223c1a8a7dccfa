import type { DuckDBConnection } from "@duckdb/node-api";
import { importFailure } from "../../errors.js";
import { DUCKDB_PACKAGE } from "./duckdb-package.js";

/** What a database may touch. */
export interface DatabaseAccess {
  /** Run before the doors are shut. */
  readonly statements?: readonly string[];
  /** Paths of files that may be read. */
  readonly files: readonly string[];
  /** Paths of files that may be written. */
  readonly writable?: readonly string[];
  /** What it is for, in messages. */
  readonly use: string;
}

/** A database in memory, and the way to free it. */
export interface OpenDatabase {
  readonly connection: DuckDBConnection;
  readonly close: () => void;
}

/**
 * Loaded when it is needed: other commands should not wait for a database, and not everybody has it installed.
 *
 * @throws UnsupportedCapabilityError when it is not installed, with the command that installs it
 */
export async function duckDb(use: string): Promise<typeof import("@duckdb/node-api")> {
  try {
    return await import("@duckdb/node-api");
  } catch (cause) {
    throw importFailure({ ...DUCKDB_PACKAGE, use }, cause);
  }
}

/** A database that may touch the named files and nothing else, and loads no extension. */
export async function openDatabase({
  statements = [],
  files,
  writable = [],
  use,
}: DatabaseAccess): Promise<OpenDatabase> {
  const { DuckDBInstance } = await duckDb(use);
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

/** A path as a glob pattern that matches this path alone: `run*` is a folder, not all that begin so. */
export function literalGlob(path: string): string {
  return path.replaceAll(/[*?[]/g, "[$&]");
}

/** A SQL string. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
