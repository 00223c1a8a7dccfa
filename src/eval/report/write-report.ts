import { join } from "node:path";
import sharp from "sharp";
import { writeFileAtomically } from "../store/atomic-file.js";
import { figureRows } from "./figure-rows.js";
import { renderHtml } from "./render-html.js";
import { renderMarkdown } from "./render-markdown.js";
import type { RunAnalysis } from "./run-analysis.js";

/** Files of a run's report. */
export const REPORT_FILES = {
  html: "report.html",
  markdown: "report.md",
  json: "report.json",
  figures: "figures.jsonl",
} as const;

const PICTURE_SIZE = 288;

/**
 * Writes a run's report as HTML (one file, pictures included), Markdown, JSON and flat rows into its
 * folder.
 *
 * @param imagePath path of an image of a set
 */
export async function writeReport(
  folder: string,
  analysis: RunAnalysis,
  imagePath: (set: string, image: string) => string,
): Promise<void> {
  const pictures = new Map<string, string>();
  for (const set of analysis.sets) {
    for (const { question } of set.disagreements) {
      if (question.image === null) continue;
      const path = imagePath(set.name, question.image);
      const address = await pictureAddress(path);
      if (address !== null) pictures.set(`${set.name}/${question.image}`, address);
    }
  }
  const html = renderHtml(analysis, (set, image) => pictures.get(`${set}/${image}`) ?? null);
  await writeFileAtomically(join(folder, REPORT_FILES.html), html);
  await writeFileAtomically(join(folder, REPORT_FILES.markdown), `${renderMarkdown(analysis)}\n`);
  await writeFileAtomically(
    join(folder, REPORT_FILES.json),
    `${JSON.stringify(analysis, null, 2)}\n`,
  );
  const rows = figureRows(analysis).map((row) => `${JSON.stringify(row)}\n`);
  await writeFileAtomically(join(folder, REPORT_FILES.figures), rows.join(""));
}

/**
 * A small copy of a picture as a data: address; null when it cannot be read any more. A drawing (SVG) is left
 * out: it may take long to draw.
 */
async function pictureAddress(path: string): Promise<string | null> {
  try {
    // Through the gate of images, as the model saw it: what sharp opens by its path may be SVG, and draw other files.
    const { decodeImage } = await import("../../index.js");
    const { data, ...raw } = await decodeImage(path, { allowUrls: false });
    const size = { width: PICTURE_SIZE, height: PICTURE_SIZE, fit: "inside" } as const;
    const png = await sharp(data, { raw })
      .resize({ ...size, withoutEnlargement: true })
      .png()
      .toBuffer();
    return `data:image/png;base64,${png.toString("base64")}`;
  } catch {
    return null;
  }
}
