import { open } from "node:fs/promises";
import { isAbsolute, relative, sep } from "node:path";
import { shown } from "../arguments/numbers.js";
import { ModelLoadError } from "../errors.js";

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
  await using file = await open(path);
  const { size } = await file.stat();
  if (!Number.isSafeInteger(offset) || offset < 0 || offset + length > size) return undefined;
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) return undefined;
    done += bytesRead;
  }
  return bytes;
}
