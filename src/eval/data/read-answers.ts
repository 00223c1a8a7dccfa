import { groupBy } from "../../math/group-by.js";
import type { DataFile } from "../contract/benchmark.js";
import {
  emptyFile,
  type Fault,
  isOneValue,
  type Row,
  rowOfLine,
  rowsOf,
  withoutByteOrderMark,
  withoutFaults,
} from "./parse-rows.js";
import { partsOf, refuseTooLong } from "./read-data-file.js";
import { identifierFault, shownValue } from "./shown-value.js";
import { linesOf, type TextSource } from "./text-source.js";

/** One answer of a file, made by us or by anyone. */
export interface AnswerRow {
  /** The question's identifier; null in files that go by order alone (POPE's own answer format). */
  readonly id: string | null;
  readonly text: string;
  /** A judge's words, where the file holds them. */
  readonly verdict: string | null;
  /** Method and seed, where the file holds several series of answers; null where it holds one. */
  readonly series: string | null;
  readonly where: string;
}

const ID_FIELDS = ["question_id", "id", "image_id", "pid"] as const;
/** Where a row has several, the first counts: beside `response`, `answer` is the truth (MathVista, MMMU) or what was read (DASH-B). */
const TEXT_FIELDS = ["text", "response", "answer", "caption", "model_answer", "model_prediction"];
const VERDICT_FIELDS = ["verdict", "judgement", "gpt4v_output_gpt_check"] as const;

/**
 * Answers as the benchmarks' repositories write them: JSONL or one JSON array, the identifier in
 * `question_id`, `id`, `image_id` or `pid` (HallusionBench: its five fields), the text in `text`, `response`, `answer`, `caption`,
 * `model_answer` or `model_prediction`; or MME's tab-separated image, question, truth, answer.
 *
 * @throws DatasetError naming file and line of everything that is wrong with the file: lines that are no
 *   JSON, rows without these fields, and identifiers that are there twice
 */
export function readAnswers(file: DataFile): AnswerRow[] {
  const first = new Map<string, string>();
  return withoutFaults(
    answerRows(file).map((row): AnswerRow | Fault => {
      if ("fault" in row || row.id === null) return row;
      const key = JSON.stringify([row.series, row.id]);
      const earlier = first.get(key);
      if (earlier !== undefined) return { fault: repeatedAnswer(row, earlier) };
      first.set(key, row.where);
      return row;
    }),
  );
}

/** What to say of a second answer to a question. */
export function repeatedAnswer({ id, where }: AnswerRow, earlier: string): string {
  return `${where}: duplicate id ${id}, already in ${earlier}; expected one answer each`;
}

/** The answers of a file with what is wrong with its rows among them. */
export function answerRows(file: DataFile): (AnswerRow | Fault)[] {
  return partsOf(file).flatMap((part) =>
    isTabSeparated(part.text)
      ? readTabs(part).map((row) => tabbedAnswer(row, part.name))
      : rowsOf(part).map((row) => ("fault" in row ? row : answerOf(row))),
  );
}

/**
 * The same from a file in pieces, some thousand rows at a time; one JSON array or object is read whole.
 *
 * @throws DatasetError when the file cannot be read or holds no rows
 */
export async function* answersFrom(source: TextSource): AsyncGenerator<(AnswerRow | Fault)[]> {
  const { name, unit } = source;
  let readLine: ((line: string, where: string) => AnswerRow | Fault | null) | null = null;
  let whole: string[] | null = null;
  let length = 0;
  let number = 0;
  for await (const lines of linesOf(source)) {
    if (readLine === null) {
      const first = lines.find((line) => line.trim() !== "");
      if (first !== undefined && isOneValue(`${first}\n`)) whole ??= [];
      else if (first !== undefined)
        readLine = isTabSeparated(first) ? tabbedReader(name) : jsonLine;
    }
    if (whole !== null) {
      length += lines.reduce((sum, line) => sum + line.length + 1, 0);
      refuseTooLong(name, length);
      whole.push(...lines);
    } else if (readLine !== null) {
      const read = readLine;
      yield lines.flatMap(
        (line, index) => read(line, `${name} ${unit} ${number + index + 1}`) ?? [],
      );
    }
    number += lines.length;
  }
  if (whole !== null) yield answerRows({ name, text: whole.join("\n") });
  else if (readLine === null) throw emptyFile(name);
}

function jsonLine(line: string, where: string): AnswerRow | Fault | null {
  const row = rowOfLine(line, where);
  return row === null || "fault" in row ? row : answerOf(row);
}

function tabbedReader(file: string): (line: string, where: string) => AnswerRow | Fault | null {
  return (line, where) => {
    const row = tabsOf(line, where);
    return row === null ? null : tabbedAnswer(row, file);
  };
}

/** The answers of each series of a file, in order of first appearance; null is the series of a file with one. */
export function answersBySeries(answers: readonly AnswerRow[]): Map<string | null, AnswerRow[]> {
  return groupBy(answers, ({ series }) => series);
}

function answerOf({ value, where }: Row): AnswerRow | Fault {
  if (typeof value !== "object" || value === null) return { fault: `${where}: expected an object` };
  const fields = value as Record<string, unknown>;
  const parts = hallusionBenchId(fields);
  const id = ID_FIELDS.map((f) => fields[f]).find((v) => v !== undefined);
  for (const part of parts ?? (id === undefined ? [] : [id])) {
    const wrong = identifierFault(part);
    if (wrong !== null) {
      return { fault: `${where}: received ${shownValue(part)} as identifier; ${wrong}` };
    }
  }
  const text = TEXT_FIELDS.map((field) => fields[field]).find((v) => typeof v === "string");
  if (typeof text !== "string") {
    return {
      fault: `${where}: no answer text; expected one of the fields ${TEXT_FIELDS.join(", ")}`,
    };
  }
  const verdict = VERDICT_FIELDS.map((field) => fields[field]).find((v) => v !== undefined) ?? null;
  if (verdict !== null && typeof verdict !== "string" && typeof verdict !== "number") {
    return {
      fault: `${where}: received ${shownValue(verdict)} as verdict; expected text or a number`,
    };
  }
  return {
    id: parts?.join("_") ?? (id === undefined ? null : String(id)),
    text,
    verdict: verdict === null ? null : String(verdict),
    series: seriesOf(fields.method, fields.seed),
    where,
  };
}

/** HallusionBench numbers its questions within figures within sets. */
function hallusionBenchId(fields: Readonly<Record<string, unknown>>): unknown[] | null {
  if (fields.set_id === undefined || fields.figure_id === undefined) return null;
  const { category = "", subcategory = "", set_id, figure_id, question_id = "" } = fields;
  return [category, subcategory, set_id, figure_id, question_id];
}

function seriesOf(method: unknown, seed: unknown): string | null {
  if (typeof method !== "string") return null;
  return typeof seed === "number" ? `${method}, seed ${seed}` : method;
}

/** True for MME's layout: the first line is no JSON and has a tab. */
export function isTabSeparated(text: string): boolean {
  const line = withoutByteOrderMark(text).trimStart().split("\n", 1)[0] ?? "";
  return line.includes("\t") && !line.startsWith("{") && !line.startsWith("[");
}

/** MME's question; the file's name is its category. */
function tabbedAnswer({ fields, where }: TabbedRow, file: string): AnswerRow | Fault {
  const [image, question, , text] = fields;
  if (text === undefined) {
    return { fault: `${where}: expected image, question, truth and answer, split by tabs` };
  }
  const id = `${categoryOf(file)}/${image}: ${question}`;
  return { id, text, verdict: null, series: null, where };
}

/** A file's name without folder and endings: the category of MME's files. */
export function categoryOf(file: string): string {
  return file.replace(/^.*[\\/]/, "").replace(/\.[^.]+(\.gz)?$/i, "");
}

/** A line of a tab-separated file. */
export interface TabbedRow {
  readonly fields: readonly string[];
  readonly where: string;
}

/** Lines of a tab-separated file with their places; empty lines are left out. */
export function readTabs({ name, text }: DataFile): TabbedRow[] {
  return withoutByteOrderMark(text)
    .split("\n")
    .flatMap((line, index) => tabsOf(line, `${name} line ${index + 1}`) ?? []);
}

function tabsOf(line: string, where: string): TabbedRow | null {
  const fields = line.replace(/\r$/, "").split("\t");
  return fields.some((field) => field.trim() !== "") ? { fields, where } : null;
}
