import type { ContentPart, ImageSource, Turn } from "../core.js";
import { apiErrorOf, badRequest } from "./api-error.js";
import type { ServerLimits } from "./server-limits.js";

/** How images are fetched that a request names by their web address. */
export interface RemoteImages {
  /** Hosts that they may come from. */
  readonly hosts: readonly string[];
  /** Whether these may have addresses that are not public. */
  readonly allowPrivateAddresses: boolean;
}

/**
 * Turns with the bytes of the images that data URLs hold. Those with web addresses are left for {@link withRemoteImages}.
 *
 * @throws ApiError naming an image that may not be given so
 */
export function withImages(
  turns: readonly Turn[],
  limits: ServerLimits,
  { hosts }: RemoteImages,
): Turn[] {
  let images = 0;
  return mapImages(turns, (image, param) => {
    const url = String(image);
    images++;
    if (images > limits.maxImages) {
      throw badRequest(param, `expected at most ${limits.maxImages} images`);
    }
    if (/^https?:/i.test(url) && URL.canParse(url)) {
      if (hosts.length > 0) return new URL(url);
      throw badRequest(param, "images are not fetched from web addresses here; send a data: URL");
    }
    return dataUrlBytes(url, param, limits.maxImageMiB);
  });
}

/**
 * Turns with the bytes of the images that web addresses lead to.
 *
 * @throws ApiError naming an image that cannot be fetched; the signal's reason where it fires
 */
export async function withRemoteImages(
  turns: readonly Turn[],
  { maxImageMiB }: ServerLimits,
  { hosts, allowPrivateAddresses }: RemoteImages,
  signal: AbortSignal,
): Promise<Turn[]> {
  const fetched = new Map<URL, Uint8Array>();
  const limits = { maxMiB: maxImageMiB, allowedHosts: hosts, allowPrivateAddresses };
  const wanted: Promise<void>[] = [];
  mapImages(turns, (image, param) => {
    if (image instanceof URL) wanted.push(fetchInto(image, param));
    return image;
  });
  await Promise.all(wanted);
  return mapImages(turns, (image) => (image instanceof URL && fetched.get(image)) || image);

  async function fetchInto(url: URL, param: string): Promise<void> {
    // Only where something is fetched, for what has no Node below it.
    const { readImageFile } = await import("../index.js");
    try {
      fetched.set(url, await readImageFile(url, limits, signal));
    } catch (failure) {
      signal.throwIfAborted();
      const { message } = apiErrorOf(failure);
      // Its remedies are for who loads a model.
      const told = message.replace(/; save the image and.*$/s, "; send it as a data: URL");
      throw badRequest(param, told, "invalid_image_url");
    }
  }
}

/** Turns whose images are replaced. */
function mapImages(
  turns: readonly Turn[],
  change: (image: ImageSource, param: string) => ImageSource,
): Turn[] {
  return turns.map(({ role, content }, i) => {
    if (typeof content === "string") return { role, content };
    const parts = content.map((part, j): ContentPart => {
      if (part.type === "text") return part;
      const param = `messages[${i}].content[${j}].image_url.url`;
      return { type: "image", image: change(part.image, param) };
    });
    return { role, content: parts };
  });
}

const DATA_URL = /^data:image\/[\w.+-]+(?:;[\w.+-]+=[\w.+-]+)*;base64$/i;

function dataUrlBytes(url: string, param: string, maxMiB: number): Uint8Array {
  const comma = url.slice(0, 300).indexOf(",");
  if (comma < 0 || !DATA_URL.test(url.slice(0, comma))) {
    throw badRequest(param, `received ${kindOf(url)}; expected a data: URL of an image in base64`);
  }
  if ((url.length - comma - 1) * 0.75 > maxMiB * 2 ** 20) {
    throw badRequest(param, `the image is larger than ${maxMiB} MiB; make it smaller`);
  }
  const data = url.slice(comma + 1);
  // Programs break its lines, which data URLs allow.
  const bytes = base64Bytes(data) ?? base64Bytes(data.replace(/[\t\n\f\r ]+/g, ""));
  if (bytes === undefined) throw badRequest(param, "the data is no base64");
  return bytes;
}

function base64Bytes(data: string): Uint8Array | undefined {
  const bytes = Buffer.from(data, "base64");
  const padding = /=*$/.exec(data.slice(-2))![0].length;
  // What is no base64 is passed over, and so leaves fewer bytes.
  const isWhole = bytes.length === Math.floor((data.length - padding) * 0.75);
  return bytes.length > 0 && isWhole ? bytes : undefined;
}

function kindOf(url: string): string {
  if (url === "") return "an empty text";
  if (/^data:/i.test(url)) return "a data: URL of another kind";
  const scheme = /^([a-z][a-z0-9+.-]{0,20}):/i.exec(url)?.[1];
  return scheme === undefined ? "a text that is no URL" : `a URL of scheme ${scheme}`;
}
