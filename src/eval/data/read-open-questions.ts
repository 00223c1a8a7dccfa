import { z } from "zod";
import type { DataFile, Question } from "../contract/benchmark.js";
import { identifier, readShapedFile, type ShapedRow } from "./read-shaped.js";

/** A question with its answers, whichever layout it came in. */
export interface OpenQuestion {
  readonly id: string;
  readonly image: string | null;
  /** What the model is asked, choices included. */
  readonly prompt: string;
  /** Any of these is right; at least one. */
  readonly answers: readonly string[];
  readonly choices: readonly string[];
  /** Decimals of a number; null where it is compared as it is. */
  readonly precision: number | null;
  readonly group: string | null;
  readonly tag: Question["tag"] | null;
}

const text = z.string().min(1);
const texts = z
  .union([identifier, z.array(identifier)], { error: "expected text, a number or a list of them" })
  .transform((value) => (Array.isArray(value) ? value : listIn(value)));
const answerFields = {
  question_id: identifier.optional(),
  id: identifier.optional(),
  pid: identifier.optional(),
  // DuckDB's name for a column without one: HaloQuest's first.
  column0: identifier.optional(),
  answers: texts.nullish(),
  answer: texts.nullish(),
  "groundtruth responses": text.nullish(),
};
const answerRow = z.object(answerFields);
const questionRow = z.object({
  ...answerFields,
  image: z.string().nullish(),
  image_path: z.string().nullish(),
  image_name: z.string().nullish(),
  url: z.string().nullish(),
  query: text.nullish(),
  prompt: text.nullish(),
  question: text.nullish(),
  text: text.nullish(),
  conversations: z.array(z.object({ from: z.string(), value: z.string() })).nullish(),
  choices: texts.nullish(),
  options: texts.nullish(),
  precision: z.coerce.number().int().min(0).max(20).nullish(),
  tag: z.enum(["recognition", "perception", "knowledge", "reasoning"]).nullish(),
  type: z.string().nullish(),
  category: z.string().nullish(),
  "hallucination type": z.string().nullish(),
  subject: z.string().nullish(),
  topic: z.string().nullish(),
});
type QuestionRow = z.infer<typeof questionRow>;
type AnswerRow = z.infer<typeof answerRow>;

/**
 * Questions with answers from rows of one file, or of two: then `truth` holds the answers, by identifier.
 *
 * @throws DatasetError naming file, line and field of every row that does not fit, has no identifier, question or
 *   answer, or an identifier that is there twice
 */
export function readOpenQuestions(
  questions: DataFile,
  truth: DataFile | null,
): ShapedRow<OpenQuestion>[] {
  const known = truth === null ? null : answersById(truth);
  const answersOf = (row: QuestionRow): readonly string[] =>
    known?.get(idOf(row) ?? "") ?? answersIn(row, row);
  const check = (row: QuestionRow): string | null => {
    if (idOf(row) === undefined) return "no identifier; expected question_id, id or pid";
    if (questionOf(row) === null) return "no question; expected question, text, query or prompt";
    if (answersOf(row).length > 0) return null;
    return "no answer; expected answer or answers in this row, or in the file of --truth";
  };
  const identify = (row: QuestionRow) => idOf(row) ?? "";
  const rows = readShapedFile(questions, { schema: questionRow, identify, check });
  return rows.map(({ value, where }) => ({
    value: openQuestion(value, answersOf(value)),
    where,
  }));
}

function answersById(truth: DataFile): Map<string, readonly string[]> {
  const check = (row: AnswerRow): string | null => {
    if (idOf(row) === undefined) return "no identifier; expected question_id, id or pid";
    return answersIn(row).length > 0 ? null : "no answer; expected answer or answers";
  };
  const identify = (row: AnswerRow) => idOf(row) ?? "";
  const rows = readShapedFile(truth, { schema: answerRow, identify, check });
  return new Map(rows.map(({ value }) => [identify(value), answersIn(value)]));
}

function openQuestion(row: QuestionRow, answers: readonly string[]): OpenQuestion {
  const choices = row.choices ?? row.options ?? [];
  const whole = row.query ?? row.prompt;
  const asked = questionOf(row) ?? "";
  const letters = choices.map((_, index) => String.fromCharCode(65 + index));
  // Where choices are letters alone (MATH-Vision), they stand in the image.
  const listed = choices.every((choice, index) => choice === letters[index])
    ? []
    : choices.map((choice, index) => `${letters[index]}. ${choice}`);
  return {
    id: idOf(row) ?? "",
    image: imageOf(row),
    prompt: typeof whole === "string" ? asked : [asked, ...listed].join("\n"),
    answers,
    choices,
    precision: row.precision ?? null,
    group:
      row.type ?? row.category ?? row["hallucination type"] ?? row.subject ?? row.topic ?? null,
    tag: row.tag ?? null,
  };
}

function idOf({ question_id, id, pid, column0 }: AnswerRow): string | undefined {
  return question_id ?? id ?? pid ?? column0;
}

/**
 * Without the places of images (`<image>`, `<image 1>`): the image comes before the question. Some questions stand in
 * the image alone (MATH-Vision's 528).
 */
function questionOf(row: QuestionRow): string | null {
  const spoken = row.conversations?.find(({ from }) => from === "human")?.value;
  const asked = row.query ?? row.prompt ?? row.question ?? row.text ?? spoken;
  if (asked === undefined) return null;
  return asked.replace(/\s*<image ?\d*>\s*/g, " ").trim() || "Answer the question in the image.";
}

/** A file under the images' folder: of absolute paths and addresses, the name. */
function imageOf({ image, image_path, image_name, url }: QuestionRow): string | null {
  const named = image ?? image_path ?? image_name ?? url;
  if (named === null || named === undefined || named === "") return null;
  const path = /^[a-z]+:\/\//i.test(named) ? named.replace(/[?#].*$/, "") : named;
  return /^([/\\]|[a-z]+:)/i.test(path) ? path.replace(/^.*[/\\]/, "") : path;
}

/** HaloQuest splits its answers by semicolons; VDGD's files hold no answers but a dummy. */
function answersIn(
  row: AnswerRow,
  { conversations }: Partial<QuestionRow> = {},
): readonly string[] {
  const spoken = conversations?.find(({ from }) => from !== "human")?.value;
  const answers =
    row.answers ??
    row.answer ??
    row["groundtruth responses"]?.split(";") ??
    (spoken === undefined || /^dummy output$/i.test(spoken.trim()) ? [] : [spoken]);
  return answers.map((answer) => answer.trim()).filter((answer) => answer !== "");
}

/** A list as Python prints it, which is how MMMU's tables hold lists; any other text is one. */
function listIn(value: string): string[] {
  const inner = /^\[\s*(['"].*['"])\s*\]$/s.exec(value.trim())?.[1];
  if (inner === undefined) return value === "[]" ? [] : [value];
  const quoted = inner.matchAll(/'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/gs);
  return [...quoted].map(([, single, double]) => (single ?? double ?? "").replace(/\\(.)/gs, "$1"));
}
