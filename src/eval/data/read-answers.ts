import { DatasetError } from "../../errors.js";
import type { DataFile } from "../contract/benchmark.js";
import { groupBy } from "./group-by.js";
import { listed, parseRows, type Row, withoutByteOrderMark } from "./parse-rows.js";

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
 * @throws DatasetError naming file and line of every row without these, and of duplicate identifiers
 */
export function readAnswers(file: DataFile): AnswerRow[] {
  const rows = isTabSeparated(file.text) ? tabSeparated(file) : jsonAnswers(file);
  const first = new Map<string, string>();
  const problems: string[] = [];
  for (const { id, series, where } of rows) {
    if (id === null) continue;
    const key = `${series ?? ""}\u0000${id}`;
    const earlier = first.get(key);
    if (earlier === undefined) first.set(key, where);
    else
      problems.push(
        `${where}: duplicate id ${id}, already in ${earlier}; expected one answer each`,
      );
  }
  if (problems.length > 0) throw new DatasetError(listed(problems));
  return rows;
}

/** The answers of each series of a file, in order of first appearance; null is the series of a file with one. */
export function answersBySeries(answers: readonly AnswerRow[]): Map<string | null, AnswerRow[]> {
  return groupBy(answers, ({ series }) => series);
}

function jsonAnswers(file: DataFile): AnswerRow[] {
  const problems: string[] = [];
  const answers = parseRows(file.text, file.name).flatMap((row) => {
    const answer = answerOf(row);
    if (typeof answer !== "string") return [answer];
    problems.push(answer);
    return [];
  });
  if (problems.length > 0) throw new DatasetError(listed(problems));
  return answers;
}

function answerOf({ value, where }: Row): AnswerRow | string {
  if (typeof value !== "object" || value === null) return `${where}: expected an object`;
  const fields = value as Record<string, unknown>;
  const id =
    hallusionBenchId(fields) ?? ID_FIELDS.map((f) => fields[f]).find((v) => v !== undefined);
  if (id !== undefined && typeof id !== "string" && typeof id !== "number") {
    return `${where}: received ${JSON.stringify(id)} as identifier; expected text or a number`;
  }
  const text = TEXT_FIELDS.map((field) => fields[field]).find((v) => typeof v === "string");
  if (typeof text !== "string") {
    return `${where}: no answer text; expected one of the fields ${TEXT_FIELDS.join(", ")}`;
  }
  const verdict = VERDICT_FIELDS.map((field) => fields[field]).find((v) => v !== undefined);
  return {
    id: id === undefined ? null : String(id),
    text,
    verdict: verdict === undefined || verdict === null ? null : String(verdict),
    series: seriesOf(fields.method, fields.seed),
    where,
  };
}

/** HallusionBench numbers its questions within figures within sets. */
function hallusionBenchId(fields: Readonly<Record<string, unknown>>): string | undefined {
  if (fields.set_id === undefined || fields.figure_id === undefined) return undefined;
  const { category, subcategory, set_id, figure_id, question_id } = fields;
  return [category, subcategory, set_id, figure_id, question_id].join("_");
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

function tabSeparated(file: DataFile): AnswerRow[] {
  return readTabs(file).map(({ fields, where }) => {
    const [image, question, , text] = fields;
    if (text === undefined) {
      throw new DatasetError(`${where}: expected image, question, truth and answer, split by tabs`);
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
