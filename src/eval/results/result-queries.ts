import { quote } from "../data/duckdb.js";
import type { ComparedFigure, RunComparison } from "./compare-runs.js";

/** Runs with the number of stored answers, and the primary figures of those that have a report. */
export const LIST_RUNS = `
  SELECT runs.run, coalesce(a.answers, 0) AS answers, f."set", f.method, f.decoding, f.metric,
    f.unit, f."value", f.low, f.high
  FROM runs
  LEFT JOIN (SELECT run, count(*) AS answers FROM answers GROUP BY run) a ON a.run = runs.run
  LEFT JOIN (SELECT * FROM figures WHERE "primary") f ON f.run = runs.run
  ORDER BY runs.run, f."set", f.decoding, f.method`;

/** All figures, or those of one metric. */
export function figuresQuery(metric: string | undefined): string {
  const where = metric === undefined ? "" : `WHERE metric = ${quote(metric)}`;
  return `SELECT * FROM figures ${where} ORDER BY run, "set", metric, decoding, method`;
}

/** Columns of a comparison, with their types; those of figures, and `across`. */
const COMPARED = {
  set: "VARCHAR",
  method: "VARCHAR",
  decoding: "VARCHAR",
  metric: "VARCHAR",
  unit: "VARCHAR",
  first: "DOUBLE",
  second: "DOUBLE",
  difference: "DOUBLE",
  low: "DOUBLE",
  high: "DOUBLE",
  p: "DOUBLE",
  adjusted_p: "DOUBLE",
  shown: "BOOLEAN",
  images: "INTEGER",
  left_out: "INTEGER",
} as const satisfies Record<keyof ComparedFigure, string>;

/** Two runs side by side, as {@link compareRuns} found them, with the share of answers that are the same text. */
export function compareQuery(
  first: string,
  second: string,
  { figures, across }: Pick<RunComparison, "figures" | "across">,
): string {
  const columns = Object.entries(COMPARED) as [keyof ComparedFigure, string][];
  const rows = figures.map((figure, index) => {
    const values = columns.map(([name, type]) => `${literal(figure[name])}::${type}`);
    return `(${index}, ${values.join(", ")})`;
  });
  const names = columns.map(([name]) => `"${name}"`).join(", ");
  const meant = `[${across.map(quote).join(", ")}]::VARCHAR[]`;
  const key = `"set", method, coalesce(seed, -1), coalesce(draw, 0)`;
  return `
  WITH same AS (
    SELECT a."set", a.method, CASE WHEN a.seed IS NULL THEN 'greedy' ELSE 'sampling' END AS decoding,
      avg(CASE WHEN a."text" = b."text" THEN 1.0 ELSE 0.0 END) AS same_answers
    FROM (SELECT *, (${key}, id) AS question FROM answers WHERE run = ${quote(first)}) a
    JOIN (SELECT *, (${key}, id) AS question FROM answers WHERE run = ${quote(second)}) b
      ON a.question = b.question
    GROUP BY ALL)
  SELECT compared.* EXCLUDE (place), same.same_answers, ${meant} AS across
  FROM (VALUES ${rows.join(", ")}) AS compared(place, ${names})
  LEFT JOIN same ON same."set" = compared."set" AND same.method = compared.method
    AND same.decoding = compared.decoding
  ORDER BY compared.place`;
}

function literal(value: string | number | boolean | null): string {
  return typeof value === "string" ? quote(value) : String(value);
}
