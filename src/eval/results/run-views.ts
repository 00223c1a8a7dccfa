import { readdir } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { DatasetError } from "../../errors.js";
import { BENCHMARKS } from "../benchmarks/registry.js";
import { literalGlob, quote } from "../data/duckdb.js";
import { REPORT_FILES } from "../report/write-report.js";
import { RUN_FILES } from "../store/answer-store.js";

/** Columns that name an answer. */
const KEY = {
  set: "VARCHAR",
  id: "VARCHAR",
  method: "VARCHAR",
  seed: "INTEGER",
  draw: "INTEGER",
} as const;

/** Files of a run that become views, with their columns. */
const VIEWS = {
  answers: {
    file: RUN_FILES.answers,
    columns: {
      ...KEY,
      text: "VARCHAR",
      finish: "VARCHAR",
      margin: "DOUBLE",
      mass: "DOUBLE",
      changed: "INTEGER",
    },
  },
  timings: {
    file: RUN_FILES.timings,
    columns: {
      ...KEY,
      ms: "DOUBLE",
      decodeMs: "DOUBLE",
      tokens: "INTEGER",
      batch: "INTEGER",
      requests: "INTEGER",
      promptTokens: "INTEGER",
      fingerprint: "VARCHAR",
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

/** Statements that create the views, and the files that these read. */
export interface Views {
  readonly statements: readonly string[];
  readonly files: readonly string[];
}

/**
 * What is queried of the runs below a folder.
 *
 * @throws DatasetError when there is no run
 */
export async function viewsOf(folder: string): Promise<Views> {
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
