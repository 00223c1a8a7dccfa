import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import type { ImageSource, Pixels } from "../engine/conversation.js";
import { AbortedError, DatasetError, InvalidArgumentError } from "../errors.js";

/** Most pixels an image may have; a larger one is refused before it is decoded. */
const MAX_PIXELS = 100_000_000;

/** An opened image: its identity, and how to decode it. */
export interface ImageFile {
  /** SHA-256 of the file's bytes or of the pixels, in hex. */
  readonly key: string;
  /** RGB pixels, upright. */
  decode(): Promise<Pixels & { readonly channels: 3 }>;
}

/**
 * Opens an image in any format that sharp reads (JPEG, PNG, WebP, GIF, TIFF, AVIF and more): a path, a URL (also a data
 * URL), bytes, a Blob, or pixels.
 * Of an animation the first frame counts; rotation in EXIF is applied; opacity is composed over white; CMYK, grey and
 * 16-bit images become 8-bit sRGB.
 *
 * @param signal ends the reading
 * @throws DatasetError when the file cannot be read, or later when it is no image
 * @throws AbortedError when the signal fires
 */
export async function openImage(source: ImageSource, signal?: AbortSignal): Promise<ImageFile> {
  if (typeof source === "string" || source instanceof URL) {
    const text = String(source);
    if (text.slice(0, 5).toLowerCase() === "data:")
      return openBytes(dataUrlBytes(text), "data URL");
    return openBytes(await readImageFile(source, text, signal), text);
  }
  if (source instanceof Blob) return openBytes(new Uint8Array(await source.arrayBuffer()), "Blob");
  if (source instanceof Uint8Array) return openBytes(source, "image bytes");
  return openPixels(source);
}

function openBytes(bytes: Uint8Array, name: string): ImageFile {
  return { key: sha256(bytes), decode: () => decode(bytes, name) };
}

/** @throws DatasetError that does not repeat the payload */
function dataUrlBytes(url: string): Uint8Array {
  const comma = url.indexOf(",");
  const head = url.slice(0, comma);
  if (comma < 0)
    throw new DatasetError("cannot read image data URL: it has no comma before its data");
  const payload = url.slice(comma + 1);
  try {
    if (head.toLowerCase().endsWith(";base64")) return Buffer.from(payload, "base64");
    return Buffer.from(decodeURIComponent(payload), "latin1");
  } catch (cause) {
    throw new DatasetError("cannot read image data URL: its data are not encoded as it says", {
      cause,
    });
  }
}

async function readImageFile(
  source: string | URL,
  name: string,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  try {
    if (/^https?:/i.test(name)) {
      const response = await fetch(name, signal === undefined ? {} : { signal });
      if (!response.ok) throw new Error(`the server answered ${response.status}`);
      return new Uint8Array(await response.arrayBuffer());
    }
    const path = name.startsWith("file:") ? fileURLToPath(source) : source;
    return await readFile(path, signal === undefined ? {} : { signal });
  } catch (cause) {
    if (signal?.aborted) {
      throw new AbortedError("aborted while an image was read", { cause: signal.reason });
    }
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
      `image: received ${data?.length ?? "no"} values for ${width} x ${height} pixels of ${channels} channels; expected a path, URL, file bytes, a Blob, or width * height * channels values with 1, 3 or 4 channels`,
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
