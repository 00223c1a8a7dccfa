import { join } from "node:path";
import { makeFolder, writeFileAtomically } from "../../eval/index.js";
import type { Plot } from "../contract/analysis.js";
import { drawPlot } from "../plots/draw-plot.js";
import { plotLibrary } from "../plots/plot-library.js";
import { type CauseFigure, TOLD_CAUSES } from "./cause-counts.js";
import type { Misalignment } from "./misalignment.js";

/**
 * Writes a report of misalignment: `misalignment.json`, and `misalignment.svg` where the run has captions; each whole or not
 * at all.
 *
 * @returns the paths written
 * @throws UnsupportedCapabilityError where the packages that draw plots are not installed
 */
export async function writeMisalignment(report: Misalignment, folder: string): Promise<string[]> {
  const files = new Map([["misalignment.json", `${JSON.stringify(report, null, 2)}\n`]]);
  if (report.causes.length > 0) {
    files.set("misalignment.svg", drawPlot(await plotLibrary(), causesPlot(report.causes)));
  }
  await makeFolder(folder);
  const written: string[] = [];
  for (const [name, content] of files) {
    const path = join(folder, name);
    await writeFileAtomically(path, content);
    written.push(path);
  }
  return written;
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
