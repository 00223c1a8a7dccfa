import { readFile } from "node:fs/promises";

/** What a file holds, as UTF-8; null when there is none. */
export async function textOrNull(path: string): Promise<string | null> {
  return readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
}
