import { DatasetError } from "../../errors.js";

/** What a packed file may unpack to: far above any benchmark, below what fills a day. */
export const MOST_UNPACKED: number = 8 * 2 ** 30;

/** @throws DatasetError for a packed file that has more bytes than it may */
export function refuseEndless(path: string, size: number, most: number): void {
  if (size <= most) return;
  const limit = most >= 2 ** 30 ? `${most / 2 ** 30} GiB` : `${most} bytes`;
  throw new DatasetError(
    `${path}: unpacks to more than ${limit}; expected rows of a benchmark; split the file`,
  );
}
