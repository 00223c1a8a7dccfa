import { join } from "node:path";
import { makeFolder, writeFileAtomically } from "../../eval/index.js";
import type { Plot } from "../contract/analysis.js";
import { drawPlot } from "./draw-plot.js";
import { plotLibrary } from "./plot-library.js";

/**
 * Writes data as `<name>.json`, and an SVG for each plot, by its name; each whole or not at all.
 *
 * @returns the paths written
 * @throws UnsupportedCapabilityError where the packages that draw plots are not installed; nothing is written then
 */
export async function writeWithPlots(
  folder: string,
  name: string,
  data: object,
  plots: readonly Plot[],
): Promise<string[]> {
  const files = new Map([[`${name}.json`, `${JSON.stringify(data, null, 2)}\n`]]);
  const library = plots.length === 0 ? undefined : await plotLibrary();
  for (const plot of plots) files.set(`${plot.name}.svg`, drawPlot(library!, plot));
  await makeFolder(folder);
  const written: string[] = [];
  for (const [file, content] of files) {
    const path = join(folder, file);
    await writeFileAtomically(path, content);
    written.push(path);
  }
  return written;
}
