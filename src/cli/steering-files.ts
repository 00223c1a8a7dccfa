import { basename, extname } from "node:path";
import { InvalidArgumentError, type SteeringDirections } from "../index.js";
import { readDirections, warnOf } from "./directions-file.js";

/**
 * Reads the files that requests may steer by, each under the name before its equals sign, or the file's own.
 *
 * @throws InvalidArgumentError for names that occur twice; DatasetError for files that are none
 */
export async function steeringFrom(
  given: readonly string[],
): Promise<Map<string, SteeringDirections>> {
  const files = new Map<string, SteeringDirections>();
  for (const text of given) {
    const { rest: path, name = basename(path, extname(path)) } = named(text);
    if (files.has(name)) {
      throw new InvalidArgumentError(
        `steer: received '${name}' twice; write another name before one of them, as in other=${path}`,
      );
    }
    const directions = await readDirections(path);
    warnOf(directions);
    files.set(name, directions);
  }
  return files;
}

/** What stands behind a name and an equals sign; paths may have one too. */
export function named(text: string): { readonly name?: string; readonly rest: string } {
  const [, name, rest] = /^([\w.-]+)=(.+)$/.exec(text) ?? [];
  return name === undefined || rest === undefined ? { rest: text } : { name, rest };
}
