import { readdirSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the demonstration's images, which comes with the package. */
export const DEMO_FOLDER: URL = new URL("../../pocket/demo/", import.meta.url);

/** A path as it can be typed here: from the working folder where the file lies below it, else from the root. */
export function pathFromHere(file: URL): string {
  const path = fileURLToPath(file);
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith("..") ? path : fromHere;
}

/** A bundled image for the examples of help texts: they can be tried as they stand. */
export function exampleImage(): string {
  try {
    const name = readdirSync(DEMO_FOLDER).find((one) => one.endsWith(".png"));
    if (name !== undefined) return pathFromHere(new URL(name, DEMO_FOLDER));
  } catch {
    // A copy without the images still has its help.
  }
  return "image.png";
}
