import type { z } from "zod";
import { DatasetError } from "../../errors.js";
import type { BenchmarkFiles, DataFile } from "../contract/benchmark.js";
import { parseRows } from "./parse-rows.js";
import { readShaped, refuseDuplicates, type ShapedRow } from "./read-shaped.js";

/**
 * The one file of a format that keeps questions and truth together, whichever way it was given.
 *
 * @throws DatasetError when there is none
 */
export function questionFile({ data, truth }: BenchmarkFiles, benchmark: string): DataFile {
  const file = data ?? truth;
  if (file === null) throw new DatasetError(`${benchmark}: no question file`);
  return file;
}

/** How {@link readQuestions} reads a file. */
export interface ReadQuestionsOptions<T> {
  /** Name of the benchmark, for messages. */
  readonly benchmark: string;
  readonly schema: z.ZodType<T>;
  /** What no two rows may share. */
  readonly identify: (row: T) => string;
}

/**
 * The checked rows of a question file.
 *
 * @throws DatasetError naming file and line of rows that do not fit or share an identifier
 */
export function readQuestions<T>(
  files: BenchmarkFiles,
  { benchmark, schema, identify }: ReadQuestionsOptions<T>,
): ShapedRow<T>[] {
  const { name, text } = questionFile(files, benchmark);
  const rows = readShaped(parseRows(text, name), schema);
  refuseDuplicates(rows, identify);
  return rows;
}
