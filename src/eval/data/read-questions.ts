import { DatasetError } from "../../errors.js";
import type { BenchmarkFiles, DataFile } from "../contract/benchmark.js";
import { readShapedFile, type ShapedFileOptions, type ShapedRow } from "./read-shaped.js";

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
export interface ReadQuestionsOptions<T> extends ShapedFileOptions<T> {
  /** Name of the benchmark, for messages. */
  readonly benchmark: string;
  /** What no two rows may share. */
  readonly identify: (row: T) => string;
}

/**
 * The checked rows of a question file.
 *
 * @throws DatasetError naming file and line of all rows that are no JSON, do not fit or share an identifier
 */
export function readQuestions<T>(
  files: BenchmarkFiles,
  { benchmark, ...options }: ReadQuestionsOptions<T>,
): ShapedRow<T>[] {
  return readShapedFile(questionFile(files, benchmark), options);
}
