import { readFile } from "node:fs/promises";
import { withFiles } from "../data/file-problem.js";

/** What a file holds, as UTF-8; null when there is none. @throws DatasetError naming it when it cannot be read */
export async function textOrNull(path: string): Promise<string | null> {
  return withFiles(path, () =>
    readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return null;
      throw error;
    }),
  );
}
