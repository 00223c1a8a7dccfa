import { join } from "node:path";
import { makeFolder, writeFileAtomically } from "../../eval/index.js";
import type { AnalysisResult } from "../contract/analysis.js";
import { drawPlot } from "../plots/draw-plot.js";
import { plotLibrary } from "../plots/plot-library.js";

/**
 * Writes what an analysis found: `<analysis>.json` and an SVG for each plot, whole or not at all.
 *
 * @returns the paths written
 * @throws UnsupportedCapabilityError where the packages that draw plots are not installed
 */
export async function writeAnalysis(result: AnalysisResult, folder: string): Promise<string[]> {
  const files = new Map([[`${result.analysis}.json`, `${JSON.stringify(result, null, 2)}\n`]]);
  const library = result.plots.length === 0 ? undefined : await plotLibrary();
  for (const plot of result.plots) files.set(`${plot.name}.svg`, drawPlot(library!, plot));
  await makeFolder(folder);
  const written: string[] = [];
  for (const [name, content] of files) {
    const path = join(folder, name);
    await writeFileAtomically(path, content);
    written.push(path);
  }
  return written;
}
