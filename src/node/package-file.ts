import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { UnsupportedCapabilityError } from "../errors.js";

/**
 * Path of a file or folder that comes with the package. A bundler moves code, not the files that it finds by its own
 * place.
 *
 * @param url the place of the code that asks; bundles in CommonJS have none
 * @param what what is wanted, for the message
 * @throws UnsupportedCapabilityError when it is not there
 */
export function packageFile(path: string, url: string | undefined, what: string): string {
  const file = url === undefined ? undefined : fileURLToPath(new URL(path, url));
  if (file !== undefined && existsSync(file)) return file;
  throw new UnsupportedCapabilityError(
    `${what} is a file of the package groundsight, and is not beside this code${file === undefined ? "" : ` (${file})`}: a bundler has moved it. Keep groundsight out of the bundle: --external:groundsight in esbuild, ssr.external in Vite, serverExternalPackages in Next.js (docs/bundlers.md)`,
  );
}

/** As {@link packageFile}, of what not every package holds: undefined when it is not there. */
export function optionalPackageFile(path: string, url: string | undefined): string | undefined {
  const file = url === undefined ? undefined : fileURLToPath(new URL(path, url));
  return file !== undefined && existsSync(file) ? file : undefined;
}
