import type { DataFile } from "../contract/benchmark.js";
import { groupBy } from "./group-by.js";
import {
  type Fault,
  parseRowsOrFaults,
  type Row,
  withoutByteOrderMark,
  withoutFaults,
} from "./parse-rows.js";
import { identifierFault, shownValue } from "./shown-value.js";

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

const ID_FIELDS = ["question_id", "id", "image_id"] as const;
const TEXT_FIELDS = ["text", "answer", "response", "caption", "model_answer", "model_prediction"];
const VERDICT_FIELDS = ["verdict", "judgement", "gpt4v_output_gpt_check"] as const;

/**
 * Answers as the benchmarks' repositories write them: JSONL or one JSON array, the identifier in
 * `question_id`, `id` or `image_id` (HallusionBench: its five fields), the text in `text`, `answer`, `response`, `caption`,
 * `model_answer` or `model_prediction`; or MME's tab-separated image, question, truth, answer.
 *
 * @param isKnown whether an identifier is that of a question; left out, any may be
 * @throws DatasetError naming file and line of everything that is wrong with the file: lines that are no
 *   JSON, rows without these fields, identifiers that are unknown, and such as are there twice
 */
export function readAnswers(file: DataFile, isKnown?: (id: string) => boolean): AnswerRow[] {
  const rows = isTabSeparated(file.text) ? tabSeparated(file) : jsonAnswers(file);
  const haveIds = rows.some((row) => !("fault" in row) && row.id !== null);
  const first = new Map<string, string>();
  return withoutFaults(
    rows.map((row): AnswerRow | Fault => {
      if ("fault" in row) return row;
      const { id, series, where } = row;
      if (id === null) {
        return isKnown !== undefined && haveIds ? { fault: `${where}: no id` } : row;
      }
      if (isKnown?.(id) === false) return { fault: `${where}: id ${id} is not in the truth file` };
      const key = JSON.stringify([series, id]);
      const earlier = first.get(key);
      if (earlier !== undefined) {
        return {
          fault: `${where}: duplicate id ${id}, already in ${earlier}; expected one answer each`,
        };
      }
      first.set(key, where);
      return row;
    }),
  );
}

/** The answers of each series of a file, in order of first appearance; null is the series of a file with one. */
export function answersBySeries(answers: readonly AnswerRow[]): Map<string | null, AnswerRow[]> {
  return groupBy(answers, ({ series }) => series);
}

function jsonAnswers(file: DataFile): (AnswerRow | Fault)[] {
  return parseRowsOrFaults(file.text, file.name).map((row) =>
    "fault" in row ? row : answerOf(row),
  );
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

function tabSeparated(file: DataFile): (AnswerRow | Fault)[] {
  return readTabs(file).map(({ fields, where }) => {
    const [image, question, , text] = fields;
    if (text === undefined) {
      return { fault: `${where}: expected image, question, truth and answer, split by tabs` };
    }
    return { id: `${image}: ${question}`, text, verdict: null, series: null, where };
  });
}

/** Lines of a tab-separated file with their places; empty lines are left out. */
export function readTabs(file: DataFile): { fields: string[]; where: string }[] {
  return withoutByteOrderMark(file.text)
    .split("\n")
    .map((line, index) => ({
      fields: line.replace(/\r$/, "").split("\t"),
      where: `${file.name} line ${index + 1}`,
    }))
    .filter(({ fields }) => fields.some((field) => field.trim() !== ""));
}
