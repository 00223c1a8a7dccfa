import { DatasetError } from "../../errors.js";

/** One row of a data file, with the place a message should name. */
export interface Row {
  readonly value: unknown;
  /** For example `answers.jsonl line 12` or `annotations.json item 3`. */
  readonly where: string;
}

const SHOWN_PROBLEMS = 5;

/**
 * The rows of a JSONL file (one JSON value a line) or of a JSON file that holds one array. A byte
 * order mark, CRLF line ends and empty lines are accepted.
 *
 * @param text the whole file
 * @param file its name, for messages
 * @throws DatasetError naming file and line of every row that is no JSON (the first five are shown);
 *   nothing is skipped silently
 */
export function parseRows(text: string, file: string): Row[] {
  const body = withoutByteOrderMark(text);
  if (body.trim() === "")
    throw new DatasetError(`${file}: the file is empty; expected rows of JSON`);
  return body.trimStart().startsWith("[") ? arrayRows(body, file) : lineRows(body, file);
}

/** The text without the byte order mark that some editors put first. */
export function withoutByteOrderMark(text: string): string {
  return text.startsWith("\uFEFF") ? text.slice(1) : text;
}

/**
 * The one JSON value of a file.
 *
 * @throws DatasetError naming the file and, where the parser tells it, the line
 */
export function parseJson(text: string, file: string): unknown {
  const body = withoutByteOrderMark(text);
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new DatasetError(`${file}${lineOf(cause, body)}: no valid JSON (${messageOf(cause)})`, {
      cause,
    });
  }
}

function arrayRows(body: string, file: string): Row[] {
  const value = parseJson(body, file);
  if (!Array.isArray(value)) throw new DatasetError(`${file}: expected one JSON array of rows`);
  return value.map((item: unknown, index) => ({ value: item, where: `${file} item ${index + 1}` }));
}

function lineRows(body: string, file: string): Row[] {
  const rows: Row[] = [];
  const problems: string[] = [];
  for (const [index, line] of body.split("\n").entries()) {
    if (line.trim() === "") continue;
    const where = `${file} line ${index + 1}`;
    try {
      rows.push({ value: JSON.parse(line), where });
    } catch (cause) {
      problems.push(`${where}: no valid JSON (${messageOf(cause)})`);
    }
  }
  if (problems.length > 0) throw new DatasetError(listed(problems));
  return rows;
}

/** Joins the first problems of a file and counts the rest. */
export function listed(problems: readonly string[]): string {
  const shown = problems.slice(0, SHOWN_PROBLEMS);
  const rest = problems.length - shown.length;
  return [...shown, ...(rest > 0 ? [`and ${rest} more`] : [])].join("\n");
}

function lineOf(cause: unknown, body: string): string {
  const position = /position (\d+)/.exec(messageOf(cause))?.[1];
  if (position === undefined) return "";
  return ` line ${body.slice(0, Number(position)).split("\n").length}`;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
