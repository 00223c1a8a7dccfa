import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { ModelLoadError } from "../errors.js";

/** Checkpoints that come with the package, by name. */
export const BUNDLED: Readonly<Record<string, string>> = { pocket: "pocket/llava" };

/** Root of the package: the folder of package.json, from src/node or dist/node. */
function packageRoot(): string {
  return join(dirname(fileURLToPath(import.meta.url)), "..", "..");
}

/** Where a bundled checkpoint lies, or undefined when the name is none. */
export function bundledFolder(name: string): string | undefined {
  const folder = Object.hasOwn(BUNDLED, name) ? BUNDLED[name] : undefined;
  return folder === undefined ? undefined : join(packageRoot(), folder);
}

/** Where a model lies: a folder on disk, or a repository on the hub. */
export type ModelPlace = { readonly folder: string } | { readonly hubId: string };

/**
 * Tells what the user's name of a model means: a bundled checkpoint, a folder, or a hub id ("owner/name").
 *
 * @throws ModelLoadError when it is none of them
 */
export function locateModel(name: string): ModelPlace {
  const bundled = bundledFolder(name);
  if (bundled !== undefined) return { folder: bundled };
  if (existsSync(name)) return { folder: resolve(name) };
  if (/^[\w-][\w.-]*\/[\w-][\w.-]*$/.test(name)) return { hubId: name };
  throw new ModelLoadError(
    `model: received '${name}'; expected ${Object.keys(BUNDLED).join(", ")}, a folder that exists, or a hub id such as owner/name`,
  );
}
