import { quote } from "../data/duckdb.js";

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

/**
 * Two runs side by side: each figure of both with its difference, and the share of answers that are the
 * same text. The difference has no interval: methods of one run are compared with statistics in its report.
 */
export function compareQuery(first: string, second: string, metric: string | undefined): string {
  const primary = metric === undefined ? `a."primary"` : `a.metric = ${quote(metric)}`;
  const key = `"set", method, coalesce(seed, -1), coalesce(draw, 0)`;
  return `
  WITH same AS (
    SELECT a."set", a.method, CASE WHEN a.seed IS NULL THEN 'greedy' ELSE 'sampling' END AS decoding,
      avg(CASE WHEN a."text" = b."text" THEN 1.0 ELSE 0.0 END) AS same_answers
    FROM (SELECT *, (${key}, id) AS question FROM answers WHERE run = ${quote(first)}) a
    JOIN (SELECT *, (${key}, id) AS question FROM answers WHERE run = ${quote(second)}) b
      ON a.question = b.question
    GROUP BY ALL)
  SELECT a."set", a.method, a.decoding, a.metric, a.unit, a."value" AS first, b."value" AS second,
    b."value" - a."value" AS difference, same.same_answers
  FROM figures a
  JOIN figures b ON a."set" = b."set" AND a.method = b.method AND a.decoding = b.decoding
    AND a.metric = b.metric
  LEFT JOIN same ON same."set" = a."set" AND same.method = a.method AND same.decoding = a.decoding
  WHERE a.run = ${quote(first)} AND b.run = ${quote(second)} AND ${primary}
  ORDER BY a."set", a.metric, a.decoding, a.method`;
}
