import { existsSync } from "node:fs";
import { join } from "node:path";
import { type DataFile, pocketFolder, readDataFile, readShapedFile } from "../../eval/index.js";
import { DatasetError } from "../../index.js";
import type { AnalysisData } from "../contract/analysis.js";

/** Which folder is opened, and how much of it. */
export interface DataFolderOptions {
  /** For people; the folder's path where left out. */
  readonly name?: string;
  /** Most images of each file. */
  readonly limit?: number | null;
  /** Folder of the images; `images` in the folder by default. */
  readonly images?: string;
}

/**
 * A folder of files in the form of the pocket bench, for analyses.
 *
 * @throws DatasetError where there is no such folder
 */
export function openDataFolder(
  folder: string,
  { name = folder, limit = null, images = join(folder, "images") }: DataFolderOptions = {},
): AnalysisData {
  if (!existsSync(folder)) throw new DatasetError(`${folder}: there is no such folder`);
  const read = new Map<string, Promise<DataFile>>();
  const file = (one: string): Promise<DataFile> => {
    const known = read.get(one) ?? readDataFile(join(folder, one));
    read.set(one, known);
    return known;
  };
  return {
    name,
    image: (image) => join(images, image),
    has: (one) => existsSync(join(folder, one)),
    file,
    rows: async (one, schema) => {
      const rows = readShapedFile(await file(one), { schema });
      if (limit === null) return rows;
      const first = new Set([...new Set(rows.map(({ value }) => value.image))].slice(0, limit));
      return rows.filter(({ value }) => first.has(value.image));
    },
  };
}

/** The bundled pocket bench; see {@link openDataFolder}. */
export function openPocketBench(
  split: "dev" | "test",
  options: Pick<DataFolderOptions, "limit"> = {},
): AnalysisData {
  return openDataFolder(pocketFolder(split), { ...options, name: `pocket ${split}` });
}
