import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import type { ImageSource, Pixels } from "../engine/request.js";
import { DatasetError, InvalidArgumentError } from "../errors.js";

/** Most pixels an image may have; a larger one is refused before it is decoded. */
const MAX_PIXELS = 100_000_000;

/** Opened image: a name for messages, its identity, and how to decode it. */
export interface ImageFile {
  /** SHA-256 of the file's bytes or of the pixels, in hex. */
  readonly key: string;
  /** RGB pixels, upright. */
  decode(): Promise<Pixels & { readonly channels: 3 }>;
}

/**
 * Opens an image in any format that sharp reads (JPEG, PNG, WebP, GIF, TIFF, AVIF and more).
 * Of an animation the first frame counts; rotation in EXIF is applied; opacity is composed over white; CMYK, grey and
 * 16-bit images become 8-bit sRGB.
 *
 * @throws DatasetError when the file cannot be read, or later when it is no image
 */
export async function openImage(source: ImageSource): Promise<ImageFile> {
  if (typeof source === "string" || source instanceof URL) {
    const name = String(source);
    const bytes = await readImageFile(source, name);
    return { key: sha256(bytes), decode: () => decode(bytes, name) };
  }
  if (source instanceof Uint8Array)
    return { key: sha256(source), decode: () => decode(source, "image bytes") };
  return openPixels(source);
}

async function readImageFile(source: string | URL, name: string): Promise<Uint8Array> {
  try {
    if (/^https?:/.test(name)) {
      const response = await fetch(name);
      if (!response.ok) throw new Error(`the server answered ${response.status}`);
      return new Uint8Array(await response.arrayBuffer());
    }
    return await readFile(name.startsWith("file:") ? fileURLToPath(source) : source);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason =
      code === "ENOENT" ? "there is no such file" : code === "EISDIR" ? "it is a folder" : message;
    throw new DatasetError(`cannot read image ${name}: ${reason}`, { cause });
  }
}

async function decode(bytes: Uint8Array, name: string): Promise<Pixels & { readonly channels: 3 }> {
  if (bytes.length === 0) throw new DatasetError(`cannot read image ${name}: it is empty`);
  try {
    const image = sharp(bytes, { limitInputPixels: MAX_PIXELS, pages: 1 });
    const { data, info } = await image
      .autoOrient()
      .flatten({ background: "#ffffff" })
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    const pixels = info.channels === 1 ? greyToRgb(data) : data;
    return { data: pixels, width: info.width, height: info.height, channels: 3 };
  } catch (cause) {
    throw new DatasetError(`cannot decode image ${name}: ${explain(cause as Error)}`, { cause });
  }
}

function explain({ message }: Error): string {
  if (message.includes("pixel limit")) {
    return `it has more than ${MAX_PIXELS / 1e6} million pixels; make it smaller`;
  }
  if (message.includes("unsupported image format"))
    return "it is not an image, or of an unknown format";
  return message;
}

function greyToRgb(grey: Uint8Array): Uint8Array {
  const rgb = new Uint8Array(grey.length * 3);
  for (let i = 0; i < grey.length; i++) rgb.fill(grey[i]!, 3 * i, 3 * i + 3);
  return rgb;
}

function openPixels(pixels: Pixels): ImageFile {
  const { data, width, height, channels } = pixels;
  const isValid =
    Number.isInteger(width) &&
    width >= 1 &&
    Number.isInteger(height) &&
    height >= 1 &&
    [1, 3, 4].includes(channels);
  if (!isValid || data?.length !== width * height * channels) {
    throw new InvalidArgumentError(
      `image: received ${data?.length ?? "no"} values for ${width} x ${height} pixels of ${channels} channels; expected a path, URL, file bytes, or width * height * channels values with 1, 3 or 4 channels`,
    );
  }
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const key = sha256(bytes, `${width}x${height}x${channels}`);
  return {
    key,
    decode: async () => ({ data: toRgb(bytes, channels), width, height, channels: 3 }),
  };
}

function toRgb(bytes: Uint8Array, channels: Pixels["channels"]): Uint8Array {
  if (channels === 3) return bytes;
  if (channels === 1) return greyToRgb(bytes);
  const rgb = new Uint8Array((bytes.length / 4) * 3);
  for (let i = 0; i < bytes.length / 4; i++) {
    const opacity = bytes[4 * i + 3]! / 255;
    for (let c = 0; c < 3; c++)
      rgb[3 * i + c] = Math.round(bytes[4 * i + c]! * opacity + 255 * (1 - opacity));
  }
  return rgb;
}

function sha256(bytes: Uint8Array, label = ""): string {
  return createHash("sha256").update(label).update(bytes).digest("hex");
}
