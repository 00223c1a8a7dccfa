import type { ContentPart, Turn } from "../core.js";
import { badRequest } from "./api-error.js";
import type { ServerLimits } from "./server-limits.js";

/**
 * Turns with the bytes of their images instead of URLs.
 *
 * @throws ApiError naming the image that cannot be had
 */
export async function withImages(
  turns: readonly Turn[],
  { maxImages, maxImageMiB }: ServerLimits,
): Promise<Turn[]> {
  let images = 0;
  const bytesOf = (part: ContentPart, param: string): ContentPart => {
    if (part.type === "text") return part;
    images++;
    if (images > maxImages) throw badRequest(param, `expected at most ${maxImages} images`);
    return { type: "image", image: dataUrlBytes(String(part.image), param, maxImageMiB) };
  };
  return turns.map(({ role, content }, i) => {
    if (typeof content === "string") return { role, content };
    const parts = content.map((part, j) =>
      bytesOf(part, `messages[${i}].content[${j}].image_url.url`),
    );
    return { role, content: parts };
  });
}

const DATA_URL = /^data:image\/[\w.+-]+(?:;[\w.+-]+=[\w.+-]+)*;base64$/i;

function dataUrlBytes(url: string, param: string, maxMiB: number): Uint8Array {
  const comma = url.slice(0, 300).indexOf(",");
  if (comma < 0 || !DATA_URL.test(url.slice(0, comma))) {
    throw badRequest(param, `received ${kindOf(url)}; expected a data: URL of an image in base64`);
  }
  const characters = url.length - comma - 1;
  if (characters * 0.75 > maxMiB * 2 ** 20) {
    throw badRequest(param, `the image is larger than ${maxMiB} MiB; make it smaller`);
  }
  const bytes = Buffer.from(url.slice(comma + 1), "base64");
  const padding = /=*$/.exec(url.slice(-2))![0].length;
  // What is no base64 is passed over, and so leaves fewer bytes.
  if (bytes.length === 0 || bytes.length !== Math.floor((characters - padding) * 0.75)) {
    throw badRequest(param, "the data is no base64");
  }
  return bytes;
}

function kindOf(url: string): string {
  if (url === "") return "an empty text";
  if (/^data:/i.test(url)) return "a data: URL of another kind";
  const scheme = /^([a-z][a-z0-9+.-]{0,20}):/i.exec(url)?.[1];
  return scheme === undefined ? "a text that is no URL" : `a URL of scheme ${scheme}`;
}
