import sharp from "sharp";
import { decodeImage, type ImageSource } from "../../index.js";
import type { Explanation } from "../contract/explanation.js";

/** The longest side of an image that is put into a trace. */
const LONGEST = 1024;

/**
 * Size of an image, and the image itself for a page to show.
 *
 * @param embeds whether to add it as a data URL: WebP, no side over 1024 pixels
 */
export async function shownImage(
  source: ImageSource,
  embeds: boolean,
): Promise<NonNullable<Explanation["image"]>> {
  const { data, width, height, channels } = await decodeImage(source);
  if (!embeds) return { width, height };
  const encoded = await sharp(data, { raw: { width, height, channels } })
    .resize({ width: LONGEST, height: LONGEST, fit: "inside", withoutEnlargement: true })
    .webp({ quality: 85 })
    .toBuffer();
  return { width, height, dataUrl: `data:image/webp;base64,${encoded.toString("base64")}` };
}
