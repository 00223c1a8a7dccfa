import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Public answers and labels that this repository does not hold: `node scripts/fetch-field.mjs ../field`. */
const FIELD: string =
  process.env.GROUNDSIGHT_FIELD ?? fileURLToPath(new URL("../../../field", import.meta.url));

/** The path of one of them. */
export function fieldPath(file: string): string {
  return join(FIELD, file);
}

/** Whether some of them are missing: the condition of `describe.skipIf`. */
export function fieldLacks(...files: readonly string[]): boolean {
  return !files.every((file) => existsSync(fieldPath(file)));
}

/** Behind the title of tests that need them. */
export const NEEDS_FIELD = "(needs ../field or GROUNDSIGHT_FIELD: scripts/fetch-field.mjs)";
