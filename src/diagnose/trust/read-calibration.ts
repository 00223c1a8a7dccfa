import { readFile } from "node:fs/promises";
import { DatasetError } from "../../index.js";
import { parseCalibration, type TrustCalibration } from "./calibration.js";

/**
 * Reads a file that `groundsight diagnose trust --fit` wrote.
 *
 * @throws DatasetError where it cannot be read, or is none
 */
export async function readCalibration(path: string): Promise<TrustCalibration> {
  const text = await readFile(path, "utf8").catch((cause: Error) => {
    throw new DatasetError(`${path}: the calibration cannot be read: ${cause.message}`, { cause });
  });
  return parseCalibration(text, path);
}
