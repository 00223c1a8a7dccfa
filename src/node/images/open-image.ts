import { createHash } from "node:crypto";
import pLimit from "p-limit";
import { BoundedCache } from "../../engine/bounded-cache.js";
import type { ImageSource, Pixels } from "../../engine/conversation.js";
import type { RgbPixels } from "../../families/family.js";
import { checkPixels, decode } from "./decode.js";
import { type ImageLimits, imageLimits } from "./image-limits.js";
import { rgbOf } from "./pixels.js";
import { readImage } from "./read-image.js";

/** Bound of the pixels that are kept between opening an image and processing it. */
const PIXEL_BYTES = 64 * 2 ** 20;

/** Bound of what is remembered of files that were decoded, a few hundred bytes each. */
const KEY_BYTES = 2 ** 20;

/** Images that are decoded at the same time: each takes three bytes a pixel. */
const DECODED_AT_ONCE = 2;

/** An opened image: its identity, and how to decode it. */
export interface ImageFile {
  /** SHA-256 of size and pixels, in hex: the same for the same pixels, in whatever format they came. */
  readonly key: string;
  /** What messages call it. */
  readonly name: string;
  /** RGB pixels, upright. */
  decode(): Promise<Pixels & { readonly channels: 3 }>;
}

/**
 * Opens images within limits: JPEG, PNG, WebP, GIF, TIFF and AVIF from a path, an http, https, data or file URL, bytes or a
 * Blob; or pixels. An image is decoded when it is opened, since its pixels are its identity. A file that was opened before is
 * not decoded again for that, and pixels are kept within a bound.
 */
export class ImageOpener {
  readonly #limits: Required<ImageLimits>;
  readonly #keys = new BoundedCache<string>(KEY_BYTES);
  readonly #pixels = new BoundedCache<RgbPixels>(PIXEL_BYTES);
  readonly #turn = pLimit(DECODED_AT_ONCE);

  /** @throws InvalidArgumentError for limits that are wrong */
  constructor(limits?: ImageLimits) {
    this.#limits = imageLimits(limits);
  }

  /**
   * @param signal ends the reading and decoding
   * @throws DatasetError when the image cannot be read or decoded within the limits
   * @throws InvalidArgumentError when the source is neither an image nor where to find one
   * @throws AbortedError when the signal fires
   */
  async open(source: ImageSource, signal?: AbortSignal): Promise<ImageFile> {
    if (!isEncoded(source)) return this.#openPixels(source);
    const file = await readImage(source, this.#limits, signal);
    const fileHash = sha256(file.bytes);
    const decodeFile = (stop?: AbortSignal) =>
      this.#turn(() => decode(file, this.#limits, stop)).then((pixels) => ({
        pixels,
        key: this.#keep(pixels, this.#keys.get(fileHash)),
      }));
    let key = this.#keys.get(fileHash);
    if (key === undefined) {
      key = (await decodeFile(signal)).key;
      this.#keys.set(fileHash, key, 2 * (fileHash.length + key.length));
    }
    const known = key;
    return {
      key,
      name: file.name,
      decode: async () => rgb(this.#pixels.get(known) ?? (await decodeFile()).pixels),
    };
  }

  #openPixels(source: Pixels): ImageFile {
    const pixels = rgbOf(source);
    checkPixels("pixels", pixels, this.#limits);
    return { key: keyOf(pixels), name: "pixels", decode: async () => rgb(pixels) };
  }

  /** Keeps pixels for their processing, which is mostly next. */
  #keep(pixels: RgbPixels, known: string | undefined): string {
    const key = known ?? keyOf(pixels);
    this.#pixels.set(key, pixels, pixels.data.byteLength);
    return key;
  }
}

/** Opens one image; see {@link ImageOpener}. */
export function openImage(
  source: ImageSource,
  signal?: AbortSignal,
  limits?: ImageLimits,
): Promise<ImageFile> {
  return new ImageOpener(limits).open(source, signal);
}

/**
 * An image's pixels as models are given them, before they are resized.
 *
 * @throws DatasetError when the image cannot be read or decoded within the limits
 * @throws InvalidArgumentError when the source is neither an image nor where to find one
 */
export async function decodeImage(
  source: ImageSource,
  limits?: ImageLimits,
): Promise<Pixels & { readonly channels: 3 }> {
  return (await openImage(source, undefined, limits)).decode();
}

function isEncoded(source: ImageSource): source is Exclude<ImageSource, Pixels> {
  return (
    typeof source === "string" ||
    source instanceof URL ||
    source instanceof Blob ||
    source instanceof Uint8Array ||
    source instanceof ArrayBuffer
  );
}

const rgb = (pixels: RgbPixels): Pixels & { readonly channels: 3 } => ({ ...pixels, channels: 3 });

function keyOf({ data, width, height }: RgbPixels): string {
  return sha256(data, `${width}x${height}`);
}

function sha256(bytes: Uint8Array | Uint8ClampedArray, label = ""): string {
  return createHash("sha256").update(label).update(bytes).digest("hex");
}
