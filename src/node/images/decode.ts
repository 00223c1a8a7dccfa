import type { Metadata } from "sharp";
import { DatasetError, GroundsightError } from "../../errors.js";
import type { RgbPixels } from "../../families/family.js";
import { type ImageLimits, MAX_ASPECT_RATIO } from "./image-limits.js";
import type { ImageBytes } from "./read-image.js";
import { withinTime } from "./within-time.js";

/** Formats that are read, by how their files begin. What else sharp could read (SVG, PDF) is not bounded by its pixels. */
const FORMATS: Readonly<Record<string, RegExp>> = {
  JPEG: /^\xff\xd8\xff/,
  PNG: /^\x89PNG\r\n/,
  WebP: /^RIFF.{4}WEBP/s,
  GIF: /^GIF8[79]a/,
  TIFF: /^(II[*+]|MM.[*+])/s,
  AVIF: /^.{4}ftyp(avif|avis|mif1|msf1)/s,
};

/** What sharp calls them. */
const SHARP_FORMATS = ["jpeg", "png", "webp", "gif", "tiff", "heif"];

/**
 * Decodes an image: the first frame, upright, opacity composed over white, as 8-bit RGB. As in Pillow, embedded colour
 * profiles do not count, except those of CMYK.
 *
 * @throws DatasetError when it is of another format, damaged, or over a limit
 * @throws AbortedError when the signal fires
 */
export async function decode(
  { bytes, name }: ImageBytes,
  limits: Required<ImageLimits>,
  signal: AbortSignal | undefined,
): Promise<RgbPixels> {
  const refuse = (reason: string, cause?: unknown) =>
    new DatasetError(`cannot decode image ${name}: ${reason}`, { cause });
  if (bytes.length === 0) throw refuse("it is empty");
  const start = Buffer.from(bytes.subarray(0, 1024)).toString("latin1");
  if (!Object.values(FORMATS).some((pattern) => pattern.test(start))) {
    throw refuse(
      `${/<svg|<!DOCTYPE svg/i.test(start) ? "it is SVG" : "it is not an image, or of an unknown format"}; expected ${Object.keys(FORMATS).join(", ")}`,
    );
  }
  try {
    return await withinTime(`decode image ${name}`, limits.timeoutMs, signal, async () => {
      const { default: sharp } = await import("sharp");
      const head = await sharp(bytes, { limitInputPixels: false, pages: 1 }).metadata();
      if (!SHARP_FORMATS.includes(head.format)) throw refuse(`it is ${head.format} inside`);
      checkPixels(name, { width: head.width, height: head.pageHeight ?? head.height }, limits);
      return rgb(bytes, head, limits);
    });
  } catch (cause) {
    if (GroundsightError.isInstance(cause)) throw cause;
    throw refuse(reasonOf((cause as Error).message), cause);
  }
}

/** The library tells damage in words of its own parts ("vipspng: libpng read error"); they stay in the cause. */
function reasonOf(message: string): string {
  if (/timeout|limit/i.test(message)) return message;
  const kind = /support/i.test(message) ? ", or of a kind that is not read" : "";
  return `it is cut off or damaged${kind}; get it or save it anew`;
}

/** @throws DatasetError when there are too many pixels, or one side is far longer than the other */
export function checkPixels(
  name: string,
  { width, height }: { readonly width: number; readonly height: number },
  { maxMegapixels }: Required<ImageLimits>,
): void {
  const size = `it has ${width} x ${height} pixels`;
  if (width * height > maxMegapixels * 1e6) {
    throw new DatasetError(
      `cannot decode image ${name}: ${size}, more than ${maxMegapixels} million pixels; make it smaller`,
    );
  }
  if (Math.max(width, height) > MAX_ASPECT_RATIO * Math.min(width, height)) {
    throw new DatasetError(
      `cannot decode image ${name}: ${size}; expected one side at most ${MAX_ASPECT_RATIO} times the other; cut it up`,
    );
  }
}

async function rgb(
  bytes: Uint8Array,
  { space }: Metadata,
  { maxMegapixels, timeoutMs }: Required<ImageLimits>,
): Promise<RgbPixels> {
  const { default: sharp } = await import("sharp");
  const { data, info } = await sharp(bytes, {
    limitInputPixels: Math.ceil(maxMegapixels * 1e6),
    pages: 1,
    ignoreIcc: space !== "cmyk",
  })
    .timeout({ seconds: Math.min(3600, Math.ceil(timeoutMs / 1000)) })
    .autoOrient()
    .flatten({ background: "#ffffff" })
    .toColourspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  return { data: channels === 1 ? greyToRgb(data) : data, width, height };
}

/** Grey pixels with equal red, green and blue. */
export function greyToRgb(grey: Uint8Array): Uint8Array {
  const colours = new Uint8Array(grey.length * 3);
  for (let i = 0; i < grey.length; i++) colours.fill(grey[i]!, 3 * i, 3 * i + 3);
  return colours;
}
