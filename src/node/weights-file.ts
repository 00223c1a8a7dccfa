import { isAbsolute, relative, sep } from "node:path";
import { shown } from "../arguments/numbers.js";
import { ModelLoadError } from "../errors.js";
import { openParts } from "./file-parts.js";

/**
 * The name of a file with weights, as a graph gives it: it may name files of its own folder only.
 *
 * @throws ModelLoadError for one that lies elsewhere
 */
export function ownFile(name: string): string {
  if (!isAbsolute(name) && relative(".", name).split(sep)[0] !== "..") return name;
  throw new ModelLoadError(
    `its weights are to lie at ${shown(name)}; expected a file of the same folder`,
  );
}

/** So many bytes of a file; undefined when it does not hold them. */
export async function readPart(
  path: string,
  offset: number,
  length: number,
): Promise<Uint8Array | undefined> {
  await using file = await openParts(path);
  const isThere = Number.isSafeInteger(offset) && offset >= 0 && offset + length <= file.size;
  return isThere ? await file.read(offset, length) : undefined;
}
