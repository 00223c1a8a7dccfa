import type { AnalysisResult } from "../contract/analysis.js";
import { writeWithPlots } from "../plots/write-with-plots.js";

/**
 * Writes what an analysis found: `<analysis>.json` and an SVG for each plot, whole or not at all.
 *
 * @returns the paths written
 * @throws UnsupportedCapabilityError where the packages that draw plots are not installed
 */
export function writeAnalysis(result: AnalysisResult, folder: string): Promise<string[]> {
  return writeWithPlots(folder, result.analysis, result, result.plots);
}
