import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { InvalidArgumentError, ModelLoadError } from "../errors.js";
import { optionalPackageFile, packageFile } from "./package-file.js";

/** Checkpoints that come with the package, by name. */
const BUNDLED: Readonly<Record<string, string>> = { pocket: "pocket/llava" };
/** Variants that come with the package where they were made, by name. */
const VARIANTS: Readonly<Record<string, string>> = { "pocket-tuned": "pocket/tuned" };
/** Text models that come with the package, by name. */
const TEXT_MODELS: Readonly<Record<string, string>> = { "pocket-base": "pocket/base" };

/** Names of the checkpoints and variants that come with the package. */
export function bundledNames(): string[] {
  const variants = Object.keys(VARIANTS).filter((name) => bundledFolder(name) !== undefined);
  return [...Object.keys(BUNDLED), ...variants];
}

/** Where a bundled checkpoint lies, or undefined when the name is none. */
export function bundledFolder(name: string): string | undefined {
  // From src/node or dist/node.
  const { url } = import.meta;
  if (Object.hasOwn(VARIANTS, name)) return optionalPackageFile(`../../${VARIANTS[name]}`, url);
  return Object.hasOwn(BUNDLED, name)
    ? packageFile(`../../${BUNDLED[name]}`, url, `the model '${name}'`)
    : undefined;
}

/** Where a model lies: a folder on disk, or a repository on the hub. */
export type ModelPlace = { readonly folder: string } | { readonly hubId: string };

/**
 * Tells what the name of a model means: a bundled checkpoint, a folder, or a hub id ("owner/name").
 *
 * @param from the folder that relative paths begin at
 * @throws ModelLoadError when it is none of them
 * @throws InvalidArgumentError for a model behind a server (`openai:...`)
 * @throws UnsupportedCapabilityError for a bundled checkpoint that is not there, since a bundler took this code out of its package
 */
export function locateModel(name: string, from = "."): ModelPlace {
  const bundled = bundledFolder(name);
  if (bundled !== undefined) return { folder: bundled };
  return folderOrHub(name, from) ?? refuse("model", name, bundledNames());
}

/**
 * As {@link locateModel}, of a text model.
 *
 * @throws ModelLoadError, UnsupportedCapabilityError as {@link locateModel}
 */
export function locateTextModel(name: string): ModelPlace {
  if (Object.hasOwn(TEXT_MODELS, name)) {
    const path = `../../${TEXT_MODELS[name]}`;
    return { folder: packageFile(path, import.meta.url, `the text model '${name}'`) };
  }
  return folderOrHub(name, ".") ?? refuse("text model", name, Object.keys(TEXT_MODELS));
}

function folderOrHub(name: string, from: string): ModelPlace | undefined {
  if (existsSync(resolve(from, name))) return { folder: resolve(from, name) };
  return /^[\w-][\w.-]*\/[\w-][\w.-]*$/.test(name) ? { hubId: name } : undefined;
}

function refuse(what: string, name: string, known: readonly string[]): never {
  // What follows may hold a password.
  if (name.startsWith("openai:")) {
    throw new InvalidArgumentError(
      `${what}: received openai:..., a model behind a server; 'groundsight eval' and evaluateEndpoint ask such, everything else needs the checkpoint itself`,
    );
  }
  throw new ModelLoadError(
    `${what}: received '${name}'; expected ${known.join(", ")}, a folder that exists, or a hub id such as owner/name`,
  );
}
