import { realpath, stat } from "node:fs/promises";
import { isAbsolute, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import {
  DatasetError,
  decodeImage,
  type ImageLimits,
  InvalidArgumentError,
  type Pixels,
} from "../index.js";

/** Longest path or URL that is looked at; data URLs are held to the limits of images. */
const LONGEST_NAME = 4096;

/** The images that tools may see: data URLs, files within the given folders and, where the limits allow them, URLs. */
export class AllowedImages {
  /** The folders, links resolved. */
  readonly roots: readonly string[];
  readonly limits: ImageLimits;

  private constructor(roots: readonly string[], limits: ImageLimits) {
    this.roots = roots;
    this.limits = limits;
  }

  /** @throws InvalidArgumentError where a folder is none */
  static async of(folders: readonly string[], limits: ImageLimits): Promise<AllowedImages> {
    return new AllowedImages(await Promise.all(folders.map(rootOf)), limits);
  }

  /** What an image may be, in words. */
  get description(): string {
    const { roots, limits } = this;
    return [
      ...(roots.length === 0 ? [] : [`the path of a file in ${roots.join(", ")}`]),
      ...(limits.allowUrls === true ? ["an http or https URL"] : []),
      "a data URL",
    ].join(", or ");
  }

  /**
   * Reads an image.
   *
   * @throws InvalidArgumentError for what is not allowed; it does not tell whether there is such a file
   * @throws DatasetError for what cannot be read within the limits
   */
  async read(image: string): Promise<Pixels & { readonly channels: 3 }> {
    if (/^data:/i.test(image)) return decodeImage(image, this.limits);
    if (image.length > LONGEST_NAME || image.includes("\0")) throw this.#refusal("this text");
    if (/^https?:/i.test(image)) {
      if (this.limits.allowUrls !== true) throw this.#refusal("a URL");
      return decodeImage(image, this.limits);
    }
    const path = await this.#find(image);
    try {
      return await decodeImage(path, this.limits);
    } catch (error) {
      // What the client does not know already is not told: where links and folders lie.
      if (error instanceof DatasetError) error.message = error.message.replaceAll(path, image);
      throw error;
    }
  }

  /** The file of a name, links resolved: a path alone is looked for in each of the folders. */
  async #find(name: string): Promise<string> {
    if (this.roots.length === 0) throw this.#refusal("a path");
    const path = pathOf(name);
    if (path === undefined) throw this.#refusal("a URL");
    for (const root of this.roots) {
      const found = await realpath(resolve(root, path)).catch(() => undefined);
      if (found !== undefined && this.roots.some((folder) => isWithin(folder, found))) return found;
    }
    throw new InvalidArgumentError(
      `image: there is no file '${name}' in ${this.roots.join(", ")}; links that lead out of there are not followed`,
    );
  }

  #refusal(what: string): InvalidArgumentError {
    const paths = this.roots.length === 0 ? " (files: 'groundsight mcp --root <folder>')" : "";
    return new InvalidArgumentError(
      `image: received ${what}, which is not allowed here; expected ${this.description}${paths}`,
    );
  }
}

async function rootOf(folder: string): Promise<string> {
  const path = await realpath(folder).catch(() => undefined);
  if (path !== undefined && (await stat(path)).isDirectory()) return path;
  throw new InvalidArgumentError(`root: received '${folder}'; expected a folder that is there`);
}

/** The path that a text names; undefined for URLs of other schemes. */
function pathOf(name: string): string | undefined {
  if (!/^[a-z][a-z0-9+.-]+:/i.test(name)) return name;
  try {
    return fileURLToPath(name);
  } catch {
    // A drive of Windows is one letter; what else has a colon may be a file of that name.
    return name.includes("://") || /^(file|blob):/i.test(name) ? undefined : name;
  }
}

function isWithin(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
