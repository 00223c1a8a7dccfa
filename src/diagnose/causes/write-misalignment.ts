import type { Plot } from "../contract/analysis.js";
import { writeWithPlots } from "../plots/write-with-plots.js";
import { type CauseFigure, TOLD_CAUSES } from "./cause-counts.js";
import type { Misalignment } from "./misalignment.js";

/**
 * Writes a report of misalignment: `misalignment.json`, and `misalignment.svg` where the run has captions; each whole or not
 * at all.
 *
 * @returns the paths written
 * @throws UnsupportedCapabilityError where the packages that draw plots are not installed
 */
export function writeMisalignment(report: Misalignment, folder: string): Promise<string[]> {
  const plots = report.causes.length === 0 ? [] : [causesPlot(report.causes)];
  return writeWithPlots(folder, "misalignment", report, plots);
}

/** Hallucinated phrases by method, a series for each cause that occurs. */
function causesPlot(figures: readonly CauseFigure[]): Plot {
  const occurring = [...TOLD_CAUSES, "untold" as const].filter((cause) =>
    figures.some((figure) => figure.cause === cause && figure.phrases > 0),
  );
  const highest = Math.max(
    ...figures
      .filter(({ cause }) => occurring.some((one) => one === cause))
      .map(({ per100, interval }) => interval?.high ?? per100),
  );
  return {
    name: "misalignment",
    title: "Hallucinated phrases by cause",
    mark: "dot",
    x: { label: "method" },
    y: {
      label: "phrases in a hundred answers",
      ...(occurring.length === 0 ? {} : { domain: [0, highest] }),
    },
    series: occurring.map((cause) => ({
      label: cause,
      points: figures
        .filter((figure) => figure.cause === cause)
        .map(({ method, per100, interval, answers }) => ({
          x: method,
          value: per100,
          low: interval?.low ?? null,
          high: interval?.high ?? null,
          n: answers,
        })),
    })),
  };
}
