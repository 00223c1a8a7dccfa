import { DatasetError, GroundsightError } from "../../errors.js";

/** What the codes of the system mean, and what to do. */
const WORDS: Readonly<Record<string, string>> = {
  ENOSPC: "no space is left; make room and run the same command again",
  EDQUOT: "the disk quota is used up; make room and run the same command again",
  EROFS: "the file system is read-only; use another path",
  EACCES: "permission is denied; use another path, or change its permissions",
  EPERM: "permission is denied; use another path, or change its permissions",
  EEXIST: "there is a file of this name; expected a folder",
  ENOTDIR: "a part of this path is a file; expected folders",
  EISDIR: "this is a folder; expected a file",
  ENOENT: "there is no such file or folder, and it cannot be made; check the path",
  ENAMETOOLONG: "the path is too long; use a shorter one",
  ELOOP: "its links lead round in a circle; use another path",
  EMFILE: "too many files are open; close some, or raise the limit (ulimit -n)",
};

/**
 * Does something with files.
 *
 * @param path named where the system names none
 * @throws DatasetError in the place of an error of the file system; what was read and what to do are in its words
 */
export async function withFiles<T>(path: string, task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    throw fileProblem(path, error);
  }
}

/** An error of the file system as DatasetError; others as they are. */
export function fileProblem(path: string, error: unknown): unknown {
  if (GroundsightError.isInstance(error)) return error;
  const { code, syscall, message, path: named = path, dest = named } = error as RenamingError;
  if (typeof code !== "string" || typeof syscall !== "string") return error;
  const words = WORDS[code] ?? `${message}; check the path`;
  return new DatasetError(`${dest || '""'}: ${words} (${code})`, { cause: error });
}

/** Of a file that is written under another name first, its own name counts. */
type RenamingError = NodeJS.ErrnoException & { readonly dest?: string };
