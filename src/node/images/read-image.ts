import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { DatasetError, GroundsightError } from "../../errors.js";
import { fetchImage } from "./fetch-image.js";
import { type ImageLimits, imageLimits } from "./image-limits.js";
import { imageName, isBase64, LONGEST_PATH } from "./image-name.js";
import { withinTime } from "./within-time.js";

/** An image in some file format: its content, and what messages call it. */
export interface ImageBytes {
  readonly bytes: Uint8Array;
  readonly name: string;
}

const TOO_LONG = "it is too long for a path; base64 goes into a data URL or a Buffer";

/**
 * The bytes of an image's file, from wherever it may come. They are not looked into.
 *
 * @param limits `maxMiB`, `timeoutMs` and those of URLs
 * @param signal ends the reading
 * @throws DatasetError naming the image, when it cannot be read within the limits
 * @throws AbortedError when the signal fires
 */
export async function readImageFile(
  source: string | URL | Uint8Array | ArrayBuffer | Blob,
  limits?: ImageLimits,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  return (await readImage(source, imageLimits(limits), signal)).bytes;
}

/** Most bytes that are read before looking whether to go on. */
const CHUNK = 2 ** 22;

/**
 * Reads the content of an image.
 *
 * @throws DatasetError naming it, when it cannot be read within the limits
 * @throws AbortedError when the signal fires
 */
export async function readImage(
  source: string | URL | Uint8Array | ArrayBuffer | Blob,
  limits: Required<ImageLimits>,
  signal: AbortSignal | undefined,
): Promise<ImageBytes> {
  const maxBytes = limits.maxMiB * 2 ** 20;
  const text = typeof source === "string" || source instanceof URL ? String(source) : undefined;
  const name = text === undefined ? kindOf(source as Uint8Array) : imageName(text);
  const checkSize = (bytes: number) => {
    if (bytes > maxBytes) throw new Error(`it is larger than ${limits.maxMiB} MiB`);
  };
  const read = async (stop: AbortSignal): Promise<Uint8Array> => {
    if (text === undefined) {
      const data = source as Uint8Array | ArrayBuffer | Blob;
      checkSize(data instanceof Blob ? data.size : data.byteLength);
      // A copy, since what is opened must not change any more.
      return data instanceof Blob
        ? new Uint8Array(await data.arrayBuffer())
        : Uint8Array.from(data instanceof Uint8Array ? data : new Uint8Array(data));
    }
    if (/^data:/i.test(text)) return dataUrlBytes(text, checkSize);
    if (/^https?:/i.test(text)) {
      if (!limits.allowUrls) throw new Error("URLs are not allowed here; expected a path");
      return fetchImage(new URL(text), limits, stop);
    }
    return readFile(pathOf(text), checkSize, stop);
  };
  try {
    const bytes = await withinTime(`read image ${name}`, limits.timeoutMs, signal, read);
    return { bytes, name };
  } catch (cause) {
    if (GroundsightError.isInstance(cause)) throw cause;
    throw new DatasetError(`cannot read image ${name}: ${reasonOf(cause, text)}`, { cause });
  }
}

function kindOf(source: Uint8Array | ArrayBuffer | Blob): string {
  return source instanceof Blob ? "Blob" : "bytes";
}

/** Why a file cannot be read; messages of Node would repeat its path. */
function reasonOf(cause: unknown, text: string | undefined): string {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === "ENAMETOOLONG" || (code === "ENOENT" && isBase64(text ?? ""))) return TOO_LONG;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EISDIR") return "it is a folder";
  if (code === "EACCES" || code === "EPERM") return "it may not be read";
  return text && message.includes(text) ? String(code) : message;
}

function pathOf(text: string): string {
  if (text === "") throw new Error("received an empty path; expected the path of a file, or a URL");
  if (/^blob:/i.test(text)) {
    throw new Error("received a blob: URL; expected the Blob itself, or the bytes in it");
  }
  if (/^file:/i.test(text)) return fileURLToPath(text);
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(text)?.[1];
  if (scheme !== undefined) {
    throw new Error(`received a URL of scheme ${scheme}; expected http, https, data or file`);
  }
  if (text.length > LONGEST_PATH) {
    throw new Error(TOO_LONG);
  }
  return text;
}

async function readFile(
  path: string,
  checkSize: (bytes: number) => void,
  stop: AbortSignal,
): Promise<Uint8Array> {
  // Opening a pipe that nobody writes to would wait for a writer.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stats = await file.stat();
    if (stats.isDirectory()) throw new Error("it is a folder");
    if (!stats.isFile()) throw new Error("it is not a regular file, but a pipe, socket or device");
    checkSize(stats.size);
    const bytes = Buffer.allocUnsafe(stats.size);
    let length = 0;
    while (length < bytes.length) {
      stop.throwIfAborted();
      const { bytesRead } = await file.read(bytes, length, Math.min(CHUNK, bytes.length - length));
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return bytes.subarray(0, length);
  } finally {
    await file.close();
  }
}

function dataUrlBytes(url: string, checkSize: (bytes: number) => void): Uint8Array {
  const comma = url.indexOf(",");
  if (comma < 0) throw new Error("it has no comma before its data");
  const isBase64 = /;\s*base64\s*$/i.test(url.slice(0, comma));
  checkSize((url.length - comma) * (isBase64 ? 3 / 4 : 1 / 3));
  const payload = url
    .slice(comma + 1)
    .replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  const bytes = Buffer.from(payload, isBase64 ? "base64" : "latin1");
  checkSize(bytes.length);
  return bytes;
}
