import { DatasetError } from "../../errors.js";
import type { DataFile } from "../contract/benchmark.js";
import { shownValue } from "./shown-value.js";

/** One row of a data file, with the place a message should name. */
export interface Row {
  readonly value: unknown;
  /** For example `answers.jsonl line 12` or `annotations.json item 3`. */
  readonly where: string;
}

/** What is wrong with a row, with its place. */
export interface Fault {
  readonly fault: string;
}

const SHOWN_PROBLEMS = 5;
const LONGEST_PROBLEM = 400;

/**
 * The rows of a JSONL file (one JSON value a line, ended by LF or CRLF) or of a JSON file that holds one array, or one
 * object of rows by identifier over several lines (MathVista). A byte order mark and empty lines are accepted.
 *
 * @param text the whole file
 * @param file its name, for messages
 * @throws DatasetError naming file and line of every row that is no JSON (the first five are shown);
 *   nothing is skipped silently
 */
export function parseRows(text: string, file: string): Row[] {
  return withoutFaults(rowsOf({ name: file, text }));
}

/**
 * The same with lines that are no JSON among the rows, for readers that tell all faults of a file at once.
 *
 * @throws DatasetError when the file holds no rows, or is one array that is no JSON
 */
export function rowsOf({ name, text, unit = "line" }: DataFile): (Row | Fault)[] {
  const body = withoutByteOrderMark(text);
  if (body.trim() === "") throw emptyFile(name);
  if (isOneValue(body)) return wholeRows(body, name);
  return body
    .split("\n")
    .flatMap((line, index) => rowOfLine(line, `${name} ${unit} ${index + 1}`) ?? []);
}

/** The error for a file without rows. */
export function emptyFile(name: string): DatasetError {
  return new DatasetError(`${name}: the file is empty; expected rows of JSON`);
}

/** The row of a line of JSON; null when there is none. */
export function rowOfLine(line: string, where: string): Row | Fault | null {
  if (line.trim() === "") return null;
  try {
    return { value: JSON.parse(line), where };
  } catch (cause) {
    // JSON takes a CR for a blank, and would find a second value behind the first.
    const why = line.trim().includes("\r")
      ? "it holds line ends that are CR alone; expected LF or CRLF"
      : messageOf(cause);
    return { fault: `${where}: no valid JSON (${why})` };
  }
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

/** True for a text that is one JSON value: an array, or an object that is printed over several lines. */
export function isOneValue(text: string): boolean {
  return /^\s*(\[|\{[ \t\r]*\n)/.test(withoutByteOrderMark(text));
}

function wholeRows(body: string, file: string): Row[] {
  const value = parseJson(body, file);
  if (Array.isArray(value)) {
    if (value.length === 0) {
      throw new DatasetError(`${file}: the array is empty; expected rows of JSON`);
    }
    return value.map((item: unknown, index) => ({
      value: item,
      where: `${file} item ${index + 1}`,
    }));
  }
  const entries = Object.entries(value as object);
  if (entries.length === 0 || entries.some(([, item]) => typeof item !== "object")) {
    throw new DatasetError(`${file}: expected one JSON array of rows, or one object of them`);
  }
  return entries.map(([key, item]) => ({
    value: item,
    where: `${file} item ${shownValue(key)}`,
  }));
}

/**
 * The rows of a file, when none is at fault.
 *
 * @throws DatasetError with all faults, in the order of the file
 */
export function withoutFaults<T extends object>(rows: readonly (T | Fault)[]): T[] {
  const faults = rows.flatMap((row) => ("fault" in row ? [row.fault] : []));
  if (faults.length > 0) throw new DatasetError(listed(faults));
  return rows as T[];
}

/**
 * Joins the first problems of a file and counts the rest; values that fill pages are cut.
 *
 * @param total how many there are, where not all were kept
 */
export function listed(problems: readonly string[], total: number = problems.length): string {
  const shown = problems
    .slice(0, SHOWN_PROBLEMS)
    .map((text) => (text.length > LONGEST_PROBLEM ? `${text.slice(0, LONGEST_PROBLEM)}...` : text));
  const rest = total - shown.length;
  return [...shown, ...(rest > 0 ? [`and ${rest} more`] : [])].join("\n");
}

/** Problems of a file as they come: the first are kept, the others counted. */
export class Problems {
  readonly #first: string[] = [];
  #total = 0;

  get total(): number {
    return this.#total;
  }

  add(problem: string): void {
    this.#total++;
    if (this.#first.length < SHOWN_PROBLEMS) this.#first.push(problem);
  }

  /**
   * @param remedy what helps against all of them
   * @throws DatasetError with the first problems and the number of the others, when there are any
   */
  refuse(remedy = ""): void {
    if (this.#total === 0) return;
    throw new DatasetError(listed(this.#first, this.#total) + remedy);
  }
}

function lineOf(cause: unknown, body: string): string {
  const position = /position (\d+)/.exec(messageOf(cause))?.[1];
  if (position === undefined) return "";
  return ` line ${body.slice(0, Number(position)).split("\n").length}`;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
