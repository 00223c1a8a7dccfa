/** The optional package that a database needs, and the version that this one was tested with. */
export const DUCKDB_PACKAGE = { name: "@duckdb/node-api", version: "1.5.5-r.5" } as const;
