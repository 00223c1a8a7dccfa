import { join } from "node:path";
import { requireGoingOn } from "../data/turns.js";
import { writeFileAtomically } from "../store/atomic-file.js";
import { figureRows } from "./figure-rows.js";
import { type AnsweredSet, pageScripts } from "./page-answers.js";
import { type ImagePath, pictureAddress, pictureKey, writePictures } from "./pictures.js";
import { renderHtml } from "./render-html.js";
import { renderMarkdown } from "./render-markdown.js";
import type { RunAnalysis } from "./run-analysis.js";
import { writePageData } from "./write-page-data.js";

/** Files of a run's report. */
export const REPORT_FILES = {
  html: "report.html",
  markdown: "report.md",
  json: "report.json",
  figures: "figures.jsonl",
  counts: "counts.jsonl",
} as const;

/**
 * Writes a run's report into its folder: as HTML, with what its page loads by need in a folder beside it, as Markdown,
 * JSON and flat rows.
 *
 * @param answered the scored answers that the page shows side by side
 * @param signal gives up before an older report is touched; from then on it is written whole
 * @throws AbortedError when the signal fires before
 */
export async function writeReport(
  folder: string,
  analysis: RunAnalysis,
  imagePath: ImagePath,
  answered: readonly AnsweredSet[],
  signal?: AbortSignal,
): Promise<void> {
  const small = new Map<string, string>();
  for (const set of analysis.sets) {
    for (const { question } of set.disagreements) {
      if (question.image === null) continue;
      requireGoingOn(signal);
      const address = await pictureAddress(imagePath(set.name, question.image));
      if (address !== null) small.set(pictureKey(set.name, question.image), address);
    }
  }
  const large = await writePictures(folder, answered, imagePath, signal);
  const scripts = pageScripts(answered, (set, image) => large.get(pictureKey(set, image)) ?? null);
  requireGoingOn(signal);
  await writePageData(folder, scripts);
  const html = renderHtml(analysis, (set, image) => small.get(pictureKey(set, image)) ?? null);
  await writeFileAtomically(join(folder, REPORT_FILES.html), html);
  await writeFileAtomically(join(folder, REPORT_FILES.markdown), `${renderMarkdown(analysis)}\n`);
  await writeFileAtomically(
    join(folder, REPORT_FILES.json),
    `${JSON.stringify(analysis, null, 2)}\n`,
  );
  const rows = figureRows(analysis).map((row) => `${JSON.stringify(row)}\n`);
  await writeFileAtomically(join(folder, REPORT_FILES.figures), rows.join(""));
}
