import { readFile } from "node:fs/promises";
import { DatasetError } from "../../errors.js";

/** Media types by the first bytes of a file, in hexadecimal digits. */
const MEDIA_TYPES: readonly (readonly [RegExp, string])[] = [
  [/^89504e470d0a1a0a/, "image/png"],
  [/^ffd8ff/, "image/jpeg"],
  [/^47494638(37|39)61/, "image/gif"],
  [/^52494646.{8}57454250/, "image/webp"],
  [/^424d.{8}00000000/, "image/bmp"],
];

const HEAD_BYTES = 16;

/**
 * An image's file as a data URL, its bytes as they are. What it is, its first bytes tell: many names lie.
 *
 * @throws DatasetError for a file that cannot be read, or is of no kind that servers take
 */
export async function imageUrl(path: string): Promise<string> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new DatasetError(`image ${path}: cannot be read`, { cause });
  });
  const head = bytes.toString("hex", 0, HEAD_BYTES);
  const type = MEDIA_TYPES.find(([begin]) => begin.test(head))?.[1];
  if (type === undefined) {
    throw new DatasetError(`image ${path}: expected PNG, JPEG, WebP, GIF or BMP`);
  }
  return `data:${type};base64,${bytes.toString("base64")}`;
}
