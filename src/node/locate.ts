import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { ModelLoadError } from "../errors.js";
import { packageFile } from "./package-file.js";

/** Checkpoints that come with the package, by name. */
export const BUNDLED: Readonly<Record<string, string>> = { pocket: "pocket/llava" };

/** Where a bundled checkpoint lies, or undefined when the name is none. */
export function bundledFolder(name: string): string | undefined {
  const folder = Object.hasOwn(BUNDLED, name) ? BUNDLED[name] : undefined;
  // From src/node or dist/node.
  return folder === undefined
    ? undefined
    : packageFile(`../../${folder}`, import.meta.url, `the model '${name}'`);
}

/** Where a model lies: a folder on disk, or a repository on the hub. */
export type ModelPlace = { readonly folder: string } | { readonly hubId: string };

/**
 * Tells what the user's name of a model means: a bundled checkpoint, a folder, or a hub id ("owner/name").
 *
 * @throws ModelLoadError when it is none of them
 * @throws UnsupportedCapabilityError for a bundled checkpoint that is not there, since a bundler took this code out of its package
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
