import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import pLimit from "p-limit";
import sharp, { type Sharp } from "sharp";
import { requireGoingOn } from "../data/turns.js";
import { writeFileAtomically } from "../store/atomic-file.js";
import { makeFolder } from "../store/make-folder.js";
import type { AnsweredSet } from "./page-answers.js";
import { PAGE_FOLDER } from "./page-data.js";

/** Path of an image of a set. */
export type ImagePath = (set: string, image: string) => string;

/** Longest side of the small pictures within the page, and of those beside it, in pixels. */
const SMALL = 288;
const LARGE = 1024;

/** So many pictures lie beside a page: of questions that methods answer differently first. */
const MOST_PICTURES = 500;

/**
 * A small copy of a picture as a data: address; null when it cannot be read any more. A drawing (SVG) is left
 * out: it may take long to draw.
 */
export async function pictureAddress(path: string): Promise<string | null> {
  try {
    const png = await (await smaller(path, SMALL)).png().toBuffer();
    return `data:image/png;base64,${png.toString("base64")}`;
  } catch {
    return null;
  }
}

/**
 * Copies of pictures beside a report's page, as the model saw them. Those that are there from an earlier report stay
 * when they are newer than the image.
 *
 * @param signal gives up before the next one
 * @returns addresses from the page on, by set and image as {@link pictureKey} joins them
 * @throws AbortedError when the signal fires
 */
export async function writePictures(
  folder: string,
  sets: readonly AnsweredSet[],
  imagePath: ImagePath,
  signal?: AbortSignal,
): Promise<Map<string, string>> {
  const wanted = wantedImages(sets).slice(0, MOST_PICTURES);
  const addresses = new Map<string, string>();
  if (wanted.length === 0) return addresses;
  await makeFolder(join(folder, PAGE_FOLDER, "images"));
  const limit = pLimit(4);
  await Promise.all(
    wanted.map(({ set, image }) =>
      limit(async () => {
        requireGoingOn(signal);
        const key = pictureKey(set, image);
        const name = createHash("sha256").update(key).digest("hex").slice(0, 20);
        const address = `${PAGE_FOLDER}/images/${name}.webp`;
        const isThere = await copyPicture(imagePath(set, image), join(folder, address));
        if (isThere) addresses.set(key, address);
      }),
    ),
  );
  return addresses;
}

/** Set and image as one text. */
export function pictureKey(set: string, image: string): string {
  return JSON.stringify([set, image]);
}

/** Images of questions whose answers differ, then all others. */
function wantedImages(sets: readonly AnsweredSet[]): { set: string; image: string }[] {
  const differing = new Map<string, { set: string; image: string }>();
  const others = new Map<string, { set: string; image: string }>();
  for (const { set, methods } of sets) {
    const first = new Map<string, string>();
    for (const { question, answer } of methods.flatMap(({ scores }) =>
      scores.flatMap(({ scored }) => scored),
    )) {
      if (question.image === null) continue;
      const image = { set: set.name, image: question.image };
      const before = first.get(question.id);
      if (before === undefined) first.set(question.id, answer);
      const into = before === undefined || before === answer ? others : differing;
      into.set(pictureKey(set.name, question.image), image);
    }
  }
  return [...new Map([...differing, ...others]).values()];
}

/** Whether a copy lies there now. */
async function copyPicture(path: string, copy: string): Promise<boolean> {
  try {
    const [from, to] = await Promise.all([stat(path), stat(copy).catch(() => null)]);
    if (to !== null && to.mtimeMs > from.mtimeMs) return true;
    const picture = (await smaller(path, LARGE)).webp({ quality: 85 });
    await writeFileAtomically(copy, await picture.toBuffer());
    return true;
  } catch {
    return false;
  }
}

async function smaller(path: string, side: number): Promise<Sharp> {
  // Through the gate of images, as the model saw it: what sharp opens by its path may be SVG, and draw other files.
  const { decodeImage } = await import("../../index.js");
  const { data, ...raw } = await decodeImage(path, { allowUrls: false });
  const size = { width: side, height: side, fit: "inside" } as const;
  return sharp(data, { raw }).resize({ ...size, withoutEnlargement: true });
}
